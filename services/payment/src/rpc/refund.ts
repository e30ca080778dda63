import type { Method } from "./context.ts";
import { keyFrom, outcomeMessage } from "./messages.ts";

/** Refunds a captured payment. */
export const refund: Method<"refund"> =
  ({ payments }) =>
  async (request, call) => {
    const refundId = request.refundId.toLowerCase();
    return {
      outcome: outcomeMessage(await payments.perform({ kind: "refund", ...keyFrom(request.key), refundId }, call)),
    };
  };
