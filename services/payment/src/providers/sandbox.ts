// The client of the sandbox provider: JSON over HTTP/1.1.

import { Pool } from "undici";
import { declineReasonFrom } from "../domain/decline-reason.ts";
import type { Provider, ProviderRequest, ProviderResult } from "./provider.ts";

const responseBytesMax = 16 << 10;
const refPattern = /^[\w.-]{1,200}$/;
const noAnswer: Answer = {};

type Answer = { operation?: unknown; reference?: unknown; ref?: unknown; error?: { code?: unknown } };

/** Returns a client of the sandbox at `url`, with at most `connectionsMax` connections. */
export function createSandboxProvider(options: { url: string; connectionsMax: number }): Provider {
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
        method: "POST",
        path: pathOf(request),
        headers: { "content-type": "application/json", "idempotency-key": request.idempotencyKey },
        body: bodyOf(request),
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

  return { name: "sandbox", send, close: () => pool.destroy() };
}

function pathOf(request: ProviderRequest): string {
  switch (request.kind) {
    case "authorize":
      return "/v1/authorizations";
    case "capture":
      return `/v1/authorizations/${request.authorizationRef}/capture`;
    case "void":
      return `/v1/authorizations/${request.reference}/void`;
    case "refund":
      return `/v1/captures/${request.captureRef}/refunds`;
  }
}

function bodyOf(request: ProviderRequest): string {
  const { reference } = request;
  if (request.kind === "refund") return JSON.stringify({ reference, amount: request.amountMinor });
  if (request.kind !== "authorize") return JSON.stringify({ reference });
  return JSON.stringify({
    reference,
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
  if (typeof answer.ref !== "string" || !refPattern.test(answer.ref)) return { kind: "unknown", cause: "malformed" };
  return { kind: "done", ref: answer.ref };
}

function parseAnswer(text: string): Answer {
  try {
    return (JSON.parse(text) as Answer | null) ?? noAnswer;
  } catch {
    return noAnswer;
  }
}
