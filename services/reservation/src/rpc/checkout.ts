import { RefusalReason } from "#stubs";
import { assertNever } from "#shared/assert-never";
import type { Handler } from "#shared/grpc-server";
import { createRefusal } from "#shared/refusal";
import { refuseFields } from "#shared/validate";
import type { ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import type { CheckoutResult, Checkouts } from "../checkout.ts";
import { checkoutsMax } from "../domain/booking.ts";
import { endReasonWords } from "../domain/end-reason-words.ts";
import {
  inProgress,
  keyFromRequest,
  keyReused,
  notFound,
  refusalOutcome,
  reservationOutcome,
  wrongState,
} from "./reservation-message.ts";

/** Returns the handler of Checkout. */
export function checkout({
  checkouts,
}: {
  checkouts: Checkouts;
}): Handler<(typeof ReservationService)["method"]["checkout"]> {
  return async ({ key, idempotencyKey, paymentMethodToken }, call) => {
    const result = await checkouts.pay({ ...keyFromRequest(key), idempotencyKey, paymentMethodToken }, call);
    return result.kind === "paid" || result.kind === "actionRequired"
      ? { outcome: reservationOutcome(result.booking), paymentId: result.paymentId }
      : { outcome: refusalOutcome(refusalFrom(result)) };
  };
}

function refusalFrom(result: Exclude<CheckoutResult, { kind: "paid" | "actionRequired" }>) {
  switch (result.kind) {
    case "declined":
      return createRefusal(RefusalReason.PAYMENT_DECLINED, "the payment was declined", {
        metadata: { decline_reason: result.reason },
      });
    case "notFound":
      return notFound();
    case "holdExpired":
      return createRefusal(RefusalReason.HOLD_EXPIRED, endReasonWords(result.endReason));
    case "inProgress":
      return inProgress();
    case "keyReused":
      return keyReused();
    case "tooManyCheckouts":
      return createRefusal(RefusalReason.WRONG_STATE, `a reservation takes at most ${checkoutsMax} attempts to pay`, {
        metadata: { state: "HELD", attempts_max: String(checkoutsMax) },
      });
    case "tokenMissing":
      return refuseFields([
        { field: "payment_method_token", description: "must not be empty: only a free booking is paid without" },
      ]);
    case "overloaded":
      return createRefusal(RefusalReason.OVERLOADED, "too many payments are running", { retryAfterMs: 1_000 });
    case "wrongState":
      return wrongState(result.state);
    default:
      return assertNever(result);
  }
}
