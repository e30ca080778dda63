// What is no payment provider's business but a test's: how things stand, outages, and the way that webhooks go.

import type { IncomingMessage } from "node:http";
import { failed, type Answer } from "./answer.ts";
import type { DisputeStatus } from "./authorization.ts";
import type { Book } from "./book.ts";
import type { Notices } from "./notices.ts";
import { readBody } from "./read-body.ts";
import type { Sandbox } from "./server.ts";

/** The answer to what is not there. */
export const notFound: Answer = failed(404, "not_found");

const disputeStatuses: DisputeStatus[] = ["inquiry", "open", "won", "lost"];

/** Returns the answer to a request that is not about a payment. Throws when its body can't be read. */
export async function administer(
  request: IncomingMessage,
  { book, notices, setDown }: Pick<Sandbox, "book" | "notices" | "setDown">,
): Promise<Answer> {
  const route = `${request.method} ${request.url}`;
  if (route === "GET /health") return { status: 200, body: { status: "ok" } };
  if (route === "GET /v1/stats") return { status: 200, body: book.stats };
  if (route === "PUT /v1/outage") {
    const { down } = ((await readBody(request)) ?? {}) as { down?: unknown };
    if (typeof down !== "boolean") return bad("down_must_be_true_or_false");
    setDown(down);
    return { status: 200, body: { down } };
  }
  if (route === "GET /v1/webhooks") return { status: 200, body: { deliveries: notices.deliveries } };
  if (route === "PUT /v1/webhooks") return steer(notices, (await readBody(request)) ?? {});
  const disputed = /^(GET|PUT) \/v1\/disputes\/([\w-]+)$/.exec(route);
  if (disputed) return await lookAtDispute(book, disputed[2]!, request);
  const refunded = /^(GET|PUT) \/v1\/refunds\/([\w-]+)$/.exec(route);
  if (refunded) return await lookAtRefunds(book, refunded[2]!, request);
  const name = /^GET \/v1\/authorizations\/([\w.-]+)$/.exec(route)?.[1];
  const authorization = name === undefined ? undefined : book.find(name);
  return authorization ? { status: 200, body: authorization } : notFound;
}

async function lookAtDispute(book: Book, reference: string, request: IncomingMessage): Promise<Answer> {
  if (request.method === "PUT") {
    const { status, amount } = ((await readBody(request)) ?? {}) as { status?: unknown; amount?: unknown };
    if (!disputeStatuses.includes(status as DisputeStatus)) return bad("status");
    if (amount !== undefined && (!Number.isSafeInteger(amount) || Number(amount) < 1)) return bad("amount");
    book.dispute(reference, status as DisputeStatus, amount as number | undefined);
  }
  const found = book.find(reference);
  if (!found?.dispute) return notFound;
  const { currency, dispute: status, disputedAmount: amount = found.amount } = found;
  return {
    status: 200,
    body: { reference, ref: `dispute.${reference}`, status, amount, currency, reason: "fraudulent" },
  };
}

async function lookAtRefunds(book: Book, reference: string, request: IncomingMessage): Promise<Answer> {
  if (request.method === "PUT") {
    const { status } = ((await readBody(request)) ?? {}) as { status?: unknown };
    if (status !== "failed") return bad("status");
    if (!book.failRefund(reference)) return notFound;
  }
  const found = book.find(reference);
  if (!found) return notFound;
  const refunds = found.refunds.map(({ refundId, ...refund }) => ({ refund_id: refundId, ...refund }));
  return { status: 200, body: { reference, refunds } };
}

function bad(code: string): Answer {
  return failed(400, code);
}

function steer(
  notices: Notices,
  wish: { url?: unknown; held?: unknown; reversed?: unknown; copies?: unknown },
): Answer {
  const { url, held, reversed = false, copies = 1 } = wish;
  if (url !== undefined && (typeof url !== "string" || !URL.canParse(url))) {
    return bad("url");
  }
  if (url !== undefined) notices.setEndpoint(url);
  if (held === true) notices.hold();
  if (held === false) notices.release({ isReversed: reversed === true, copies: Math.min(10, Number(copies) || 1) });
  return { status: 200, body: {} };
}
