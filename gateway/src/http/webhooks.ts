// POST /webhooks/{provider}: a payment provider tells that a payment has moved. Not a call of the API: no session, no Connect.
// The body goes on to payment byte for byte, since it is signed; payment knows the secrets. Whatever was not processed is
// answered with 5xx, so that the provider sends it again.

import { Code } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Logger } from "#shared/logger";
import { RefusalReason, type Refusal } from "#stubs";
import type { Backends } from "../backends.ts";
import type { EdgeMetrics } from "../edge-metrics.ts";
import type { Limits } from "../limits/limits.ts";
import { createLogThrottle } from "#shared/log-throttle";
import type { ClientAddress } from "./client-address.ts";
import { createBodyReader, type HttpRequest } from "./read-body.ts";
import { replyError, type ErrorReply, type HttpResponse } from "./replies.ts";

/** Answers a request whose path begins with `webhooksPath`. */
export type WebhookListener = (request: HttpRequest, response: HttpResponse) => void;

/** What the paths of webhooks begin with. */
export const webhooksPath = "/webhooks/";

// Stripe's largest events have about 100 KiB.
const bodyBytesMax = 256 << 10;
const bodiesBytesMax = 16 << 20;
const runningMax = 64;
const timeoutMs = 15_000;
const hintTimeoutMs = 2_000;

/** Returns the listener. */
export function createWebhooks(options: {
  backends: Pick<Backends, "payment" | "reservation">;
  clientAddress: ClientAddress;
  limits: Limits;
  metrics: EdgeMetrics;
  log: Logger;
}): WebhookListener {
  const { backends, clientAddress, limits, metrics, log } = options;
  const readBody = createBodyReader(bodiesBytesMax);
  const throttle = createLogThrottle(1_000);
  let running = 0;

  async function serve(request: HttpRequest, response: HttpResponse): Promise<void> {
    const refusal = await take(request);
    if (refusal === "gone") return void response.destroy();
    if (refusal) {
      metrics.turnedAway(refusal.status);
      return replyError(request, response, refusal);
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end("{}\n");
  }

  /** Returns undefined once it has been processed. */
  async function take(request: HttpRequest): Promise<ErrorReply | "gone" | undefined> {
    const provider = /^\/webhooks\/([a-z0-9-]{1,32})$/.exec(request.url ?? "")?.[1];
    if (provider === undefined) return discard(request, unknown);
    if (request.method !== "POST") return discard(request, notPosted);
    const address = clientAddress(request.socket?.remoteAddress, request.headers["x-forwarded-for"]);
    const retryAfterMs = await limits.take("address", address);
    if (retryAfterMs > 0) {
      metrics.rateLimited("address");
      return discard(request, { ...tooMany, retryAfterMs });
    }
    const body = await readBody(request, bodyBytesMax);
    if (body.kind === "gone") return "gone";
    if (body.kind === "tooLarge") return tooLarge;
    // Whoever sends slowly keeps nobody out: of unfinished bodies only the bytes are bounded.
    if (body.kind === "crowdedOut" || running >= runningMax) return busy;
    running += 1;
    try {
      return await handOn({ provider, body: body.bytes, signature: signatureOf(request, provider) });
    } finally {
      running -= 1;
    }
  }

  async function handOn(webhook: { provider: string; body: Uint8Array; signature: string }) {
    const { outcome } = await backends.payment.handleWebhook(webhook, { timeoutMs });
    if (outcome.case === "refusal") return replyFrom(outcome.value);
    const { eventId = "", reservationId = "" } = outcome.value ?? {};
    if (eventId !== "") {
      // Without this hint the booking goes on a little later.
      const hint = backends.reservation.resumeCheckout({ eventId, reservationId }, { timeoutMs: hintTimeoutMs });
      await hint.catch((error: unknown) =>
        throttle((suppressed) => log.info({ event: "webhooks.hint_lost", error, suppressed })),
      );
    }
    return undefined;
  }

  return (request, response) => {
    serve(request, response).catch((error: unknown) => {
      throttle((suppressed) => log.warn({ event: "webhooks.failed", error, suppressed }));
      metrics.turnedAway(unprocessed.status);
      replyError(request, response, unprocessed);
    });
  };
}

// `Stripe-Signature`, and so for every provider.
function signatureOf(request: HttpRequest, provider: string): string {
  const header = request.headers[`${provider}-signature`];
  return typeof header === "string" ? header.slice(0, 4_096) : "";
}

function replyFrom({ reason, retryAfter }: Refusal): ErrorReply {
  switch (reason) {
    case RefusalReason.NOT_FOUND:
      return unknown;
    case RefusalReason.INVALID_ARGUMENT:
      return { status: 400, code: Code.InvalidArgument, message: "the webhook's signature or content is not valid" };
    default:
      return { ...unprocessed, ...(retryAfter && { retryAfterMs: durationMs(retryAfter) }) };
  }
}

function discard(request: HttpRequest, reply: ErrorReply): ErrorReply {
  request.resume();
  return reply;
}

const unknown: ErrorReply = { status: 404, code: Code.NotFound, message: "no provider of this name is set up here" };
const notPosted: ErrorReply = { status: 405, code: Code.Unknown, message: "use POST" };
const tooMany: ErrorReply = { status: 429, code: Code.ResourceExhausted, message: "too many requests" };
const busy: ErrorReply = { status: 503, code: Code.Unavailable, message: "busy: send it again", retryAfterMs: 1_000 };
const unprocessed: ErrorReply = { status: 503, code: Code.Unavailable, message: "not processed: send it again" };
const tooLarge: ErrorReply = {
  status: 413,
  code: Code.ResourceExhausted,
  message: `the webhook is larger than ${bodyBytesMax} bytes`,
};
