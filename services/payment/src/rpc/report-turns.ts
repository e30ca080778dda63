import { RefusalReason } from "#stubs";
import type { Caller } from "#shared/batcher";
import { createRefusal } from "#shared/refusal";
import { errorFromRefusal } from "#shared/status";
import type { Bulkhead } from "../bulkhead.ts";

/**
 * Returns `read` for as many callers at once as `reports` lets in; others wait no longer than their deadlines. The returned
 * function throws OVERLOADED, as a ConnectError, for a caller that can't be let in.
 */
export function inTurnOf<Request, Call extends Caller, Response>(
  reports: Pick<Bulkhead, "enter">,
  read: (request: Request, call: Call) => Promise<Response>,
): (request: Request, call: Call) => Promise<Response> {
  return async (request, call) => {
    const leave = await reports.enter(call.deadlineAtMs);
    if (!leave) throw errorFromRefusal(overloaded());
    try {
      return await read(request, call);
    } finally {
      leave();
    }
  };
}

function overloaded() {
  return createRefusal(RefusalReason.OVERLOADED, "too many reports are being read", { retryAfterMs: 1_000 });
}
