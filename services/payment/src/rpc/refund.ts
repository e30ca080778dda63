import type { RefundPart as RefundPartMessage } from "#gen/boxoffice/payment/v1/payment";
import type { RefundPart } from "../domain/refund.ts";
import type { Method } from "./context.ts";
import { keyFrom, outcomeMessage, refundMessage } from "./messages.ts";

/** Refunds a captured payment, all that is left of it or a part. */
export const refund: Method<"refund"> =
  ({ payments }) =>
  async (request, call) => {
    const refundId = request.refundId.toLowerCase();
    const outcome = await payments.refund({ ...keyFrom(request.key), refundId, part: partFrom(request.part) }, call);
    return outcome.kind === "refund"
      ? { outcome: outcomeMessage({ ...outcome, kind: "payment" }), refund: refundMessage(outcome) }
      : { outcome: outcomeMessage(outcome) };
  };

function partFrom(part: RefundPartMessage | undefined): RefundPart | undefined {
  return part && { amountMinor: Number(part.amountMinor), returnedMinor: Number(part.returnedMinor) };
}
