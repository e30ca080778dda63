// The client of the sandbox provider: JSON over HTTP/1.1.

import { Pool } from "undici";
import { declineReasonFrom } from "../domain/decline-reason.ts";
import { DisputeStatus, type Dispute } from "../domain/dispute.ts";
import { parseFee, type Fee } from "../domain/fee.ts";
import type { PaymentKey } from "../domain/payment.ts";
import type {
  DisputeResult,
  FailedRefund,
  FeeResult,
  LearnedNotice,
  NoticeResult,
  Provider,
  ProviderRequest,
  ProviderResult,
} from "./provider.ts";
import { signatureFault } from "./webhook-signature.ts";

const responseBytesMax = 16 << 10;
const refPattern = /^[\w.-]{1,200}$/;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const noticeIdPattern = /^[\w-]{1,100}$/;
const noAnswer: Answer = {};

type Answer = {
  operation?: unknown;
  reference?: unknown;
  ref?: unknown;
  status?: unknown;
  action_url?: unknown;
  fee?: { amount?: unknown; currency?: unknown };
  refunds?: unknown;
  error?: { code?: unknown };
};

/** How to reach the sandbox. */
export type SandboxProviderOptions = {
  url: string;
  /** Most connections. */
  connectionsMax: number;
  /** What it signs its webhooks with; without it none is believed. */
  webhookSecret: string | undefined;
  /** Milliseconds since the epoch. */
  now: () => number;
};

/** Returns a client of the sandbox. */
export function createSandboxProvider(options: SandboxProviderOptions): Provider {
  const pool = new Pool(options.url, {
    connections: options.connectionsMax,
    maxResponseSize: responseBytesMax,
    // The signal below bounds a call exactly; undici's own timers are coarse, and only back it up.
    connect: { timeout: 5_000 },
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
  });

  async function send(request: ProviderRequest, timeoutMs: number): Promise<ProviderResult> {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    try {
      const response = await pool.request({
        ...callOf(request),
        path: pathOf(request),
        signal: timeout.signal,
      });
      return resultFrom(request, response.statusCode, parseAnswer(await response.body.text()));
    } catch (error) {
      // The error itself may carry what was sent, a token too, so only its code leaves here.
      if (timeout.signal.aborted) return { kind: "unknown", cause: "timeout" };
      return { kind: "unknown", cause: (error as { code?: string }).code ?? "connection" };
    } finally {
      clearTimeout(timer);
    }
  }

  // Undefined where there is no answer.
  async function get(path: string, timeoutMs: number): Promise<{ status: number; answer: Answer } | undefined> {
    return await pool
      .request({ method: "GET", path, signal: AbortSignal.timeout(timeoutMs) })
      .then(async ({ body, statusCode: status }) => ({ status, answer: parseAnswer(await body.text()) }))
      .catch(() => undefined);
  }

  // Undefined where there is no answer of success.
  async function look(path: string, timeoutMs: number): Promise<Answer | undefined> {
    const got = await get(path, timeoutMs);
    return got?.status === 200 ? got.answer : undefined;
  }

  // A payment has one dispute here, so what is found may have another name.
  async function readDispute(
    { reference, ref }: { reference: string; ref?: string },
    timeoutMs: number,
  ): Promise<DisputeResult> {
    const got = await get(`/v1/disputes/${reference}`, timeoutMs);
    if (got?.status === 404) return { kind: "missing" };
    if (got?.status !== 200) return { kind: "unknown", cause: got ? `http_${got.status}` : "not_read" };
    const dispute = disputeFrom(got.answer);
    if (!dispute) return { kind: "unknown", cause: "malformed" };
    return (ref ?? dispute.ref) === dispute.ref ? { kind: "dispute", dispute } : { kind: "missing" };
  }

  async function readFailedRefunds(reference: string, timeoutMs: number): Promise<FailedRefund[] | undefined> {
    const answer = await look(`/v1/refunds/${reference}`, timeoutMs);
    return Array.isArray(answer?.refunds) ? answer.refunds.flatMap(failedRefundFrom) : undefined;
  }

  async function readFee(
    { reference, captureRef }: { reference: string; captureRef: string },
    timeoutMs: number,
  ): Promise<FeeResult> {
    const answer = await look(`/v1/captures/${captureRef}/fee`, timeoutMs);
    const fee = answer?.reference === reference ? feeFrom(answer) : undefined;
    return fee ? { kind: "fee", fee } : { kind: "unknown", cause: answer ? "malformed" : "not_read" };
  }

  function readNotice({ body, signature }: { body: Uint8Array; signature: string }): NoticeResult {
    const { webhookSecret: secret, now } = options;
    if (!secret) return { kind: "refused", why: "no_secret" };
    const fault = signatureFault(body, signature, { secret, nowMs: now() });
    if (fault) return { kind: "refused", why: `signature_${fault}` };
    const { id, type, group, reference } = parseAnswer(Buffer.from(body).toString("utf8")) as Record<string, unknown>;
    if (typeof id !== "string" || !noticeIdPattern.test(id)) return { kind: "refused", why: "senseless" };
    const about = isUuid(group) && isUuid(reference) ? { eventId: group, paymentId: reference } : undefined;
    return { kind: "read", id, learn: (timeoutMs) => learn({ type, about }, timeoutMs) };
  }

  async function learn(
    { type, about }: { type: unknown; about: PaymentKey | undefined },
    timeoutMs: number,
  ): Promise<LearnedNotice> {
    if (about && type === "refund.failed") {
      const failedRefunds = await readFailedRefunds(about.paymentId, timeoutMs);
      return failedRefunds
        ? { kind: "notice", notice: { about, failedRefunds } }
        : { kind: "unknown", cause: "refunds_not_read" };
    }
    if (!about || type !== "dispute.changed") return { kind: "notice", notice: { about } };
    const read = await readDispute({ reference: about.paymentId }, timeoutMs);
    return read.kind === "dispute"
      ? { kind: "notice", notice: { about, dispute: read.dispute } }
      : { kind: "unknown", cause: "dispute_not_read" };
  }

  return { name: "sandbox", send, readFee, readDispute, readNotice, close: () => pool.destroy() };
}

function pathOf(request: ProviderRequest): string {
  switch (request.kind) {
    case "authorize":
      return "/v1/authorizations";
    case "lookup":
      return `/v1/authorizations/${request.authorizationRef}/status`;
    case "capture":
      return `/v1/authorizations/${request.authorizationRef}/capture`;
    case "void":
      return `/v1/authorizations/${request.reference}/void`;
    case "refund":
      return `/v1/captures/${request.captureRef}/refunds`;
  }
}

function callOf(request: ProviderRequest) {
  if (request.kind === "lookup") return { method: "GET" as const };
  const headers = { "content-type": "application/json", "idempotency-key": request.idempotencyKey };
  return { method: "POST" as const, headers, body: bodyOf(request) };
}

function bodyOf(request: ProviderRequest): string {
  const { reference } = request;
  if (request.kind === "refund") {
    return JSON.stringify({ reference, refund_id: request.refundId, amount: request.amountMinor });
  }
  if (request.kind !== "authorize") return JSON.stringify({ reference });
  return JSON.stringify({
    reference,
    group: request.eventId,
    amount: request.amountMinor,
    currency: request.currencyCode,
    payment_method: request.paymentMethodToken,
  });
}

// An answer counts only if it names what was asked: on a connection where an answer came twice, or late, the next
// request would otherwise take its neighbour's answer for its own. Of the errors only 402 is a decision about the
// payment; any other, 401 or 404 too, says nothing of an earlier try with the same key, which may well have been done.
function resultFrom(request: ProviderRequest, status: number, answer: Answer): ProviderResult {
  if (status >= 300 && status !== 402) return { kind: "unknown", cause: `http_${status}` };
  if (answer.operation !== request.kind || answer.reference !== request.reference) {
    return { kind: "unknown", cause: "malformed" };
  }
  if (status === 402) return { kind: "declined", reason: declineReasonFrom(answer.error?.code) };
  const { ref, status: standing, action_url: url } = answer;
  if (typeof ref !== "string" || !refPattern.test(ref)) return { kind: "unknown", cause: "malformed" };
  if (standing !== "requires_action") {
    const fee = request.kind === "capture" ? feeFrom(answer) : undefined;
    return { kind: "done", ref, ...(fee && { fee }) };
  }
  return isHttpUrl(url) ? { kind: "actionRequired", ref, url } : { kind: "unknown", cause: "malformed" };
}

function feeFrom({ fee }: Answer): Fee | undefined {
  return parseFee(fee?.amount, fee?.currency);
}

function disputeFrom({ ref, status, amount, currency, reason }: Record<string, unknown>): Dispute | undefined {
  const known = DisputeStatus[status as keyof typeof DisputeStatus];
  if (known === undefined || typeof ref !== "string" || !Number.isSafeInteger(amount)) return undefined;
  return { ref, status: known, amountMinor: Number(amount), currencyCode: String(currency), reason: String(reason) };
}

function failedRefundFrom(refund: Record<string, unknown> | null): FailedRefund[] {
  const { refund_id: refundId, ref, status } = refund ?? {};
  return status === "failed" && isUuid(refundId) && typeof ref === "string" ? [{ refundId, ref }] : [];
}

function isHttpUrl(value: unknown): value is string {
  return typeof value === "string" && value.length <= 2_000 && /^https?:\/\//.test(value) && URL.canParse(value);
}

function isUuid(value: unknown): value is string {
  return typeof value === "string" && uuidPattern.test(value);
}

function parseAnswer(text: string): Answer {
  try {
    return (JSON.parse(text) as Answer | null) ?? noAnswer;
  } catch {
    return noAnswer;
  }
}
