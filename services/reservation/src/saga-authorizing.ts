// The phase `authorizing`: the hold is kept alive, the provider asked, and the seats are sold; or, for a payment that came
// late, the same seats are held again.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import { RefusalReason, type Refusal } from "#stubs";
import { assertNever } from "#shared/assert-never";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState, type Payment } from "#gen/boxoffice/payment/v1/payment";
import type { Answer } from "./answer.ts";
import { isFree, type Booking } from "./domain/booking.ts";
import type { Payments } from "./payments.ts";
import { again, learned, paymentIdOf, type Progress, type SagaDeps } from "./saga-step.ts";

/** A hold with less than this left is prolonged before its payment is asked for. */
const holdLeftMinMs = 60_000;
const extendByMs = 120_000;
const worthWritingMs = 1_000;

/** Asks for the money, then for the seats. Returns what is known then. */
export async function authorize(booking: Booking, deps: SagaDeps): Promise<Progress> {
  const { inventory, payments, now } = deps;
  if (!isHeldAgain(booking) && booking.holdExpiresAt.getTime() - now() < holdLeftMinMs) {
    const extended = await inventory.extend(booking, { extendByMs });
    if (extended.kind === "refused") return await afterHold(booking, extended.refusal, deps);
    if (extended.kind === "unknown") return again(extended);
    const holdExpiresAt = timestampDate(extended.value.expireTime!);
    // Written before the payment is asked for, so that whoever carries on knows how long the seats are safe. Less than a
    // second is not worth it, and to a clock that is far ahead there would be a little more each time, for ever.
    if (holdExpiresAt.getTime() - booking.holdExpiresAt.getTime() >= worthWritingMs) {
      return { kind: "noted", because: "prolonged", holdExpiresAt };
    }
  }
  if (!isFree(booking)) {
    const answer = await askToAuthorize(booking, payments);
    if (answer.kind === "unknown") return again(answer);
    const refusal = answer.kind === "refused" ? learnedFromAuthorizeRefusal(answer.refusal) : undefined;
    if (refusal) return refusal;
    const stop = answer.kind === "known" ? learnedFromPayment(answer.value) : undefined;
    if (stop) return stop;
    // Written before the seats are asked for, so that whoever repeats meanwhile is not sent to the bank's page again.
    if (booking.nextActionUrl !== null) return { kind: "noted", because: "acted", hasActed: true };
  }
  if (isHeldAgain(booking)) {
    const held = await inventory.holdAgain(booking);
    if (held.kind === "refused") return learned({ kind: "seatsLost", isPaid: true });
    if (held.kind === "unknown") return again(held);
    // Sold only when the booking has written down that the hold exists. Whoever gives the booking up after that finds the
    // hold and frees it; before, inventory does not know it yet, and what is made later must never be sold.
    const holdExpiresAt = timestampDate(held.value.expireTime!);
    if (holdExpiresAt.getTime() !== booking.holdExpiresAt.getTime()) {
      return { kind: "noted", because: "hold_made", holdExpiresAt, isHoldNew: true };
    }
  }
  const confirmed = await inventory.confirm(booking);
  switch (confirmed.kind) {
    case "known":
      return confirmed.value.state === HoldState.CONFIRMED ? learned({ kind: "seatsConfirmed" }) : again(confirmed);
    case "refused":
      return holdAgainOrGiveUp(booking, confirmed.refusal, deps);
    case "unknown":
      return again(confirmed);
  }
}

/**
 * True where payment knows by now that a customer who was waited for has acted. Asks no provider, and is false where payment
 * does not answer.
 */
export async function isActionOver(booking: Booking, { payments }: Pick<SagaDeps, "payments">): Promise<boolean> {
  const answer = await payments.read({ eventId: booking.eventId, paymentId: paymentIdOf(booking) });
  return answer.kind === "known" && answer.value.state !== PaymentState.ACTION_REQUIRED;
}

async function askToAuthorize(booking: Booking, payments: Payments): Promise<Answer<Payment>> {
  const { paymentMethodToken } = booking;
  if (paymentMethodToken === null) throw new Error("an authorising booking has no payment method");
  return await payments.authorize({ ...booking, paymentId: paymentIdOf(booking), paymentMethodToken });
}

// The hold ended while the payment was under way. No money is asked for any more; but what has been authorised already, or
// was while nobody looked, may still buy the seats, if nobody else has them.
async function afterHold(booking: Booking, refusal: Refusal, deps: SagaDeps): Promise<Progress> {
  if (isFree(booking)) return learned({ kind: "seatsLost", isPaid: false });
  const { payments } = deps;
  const isAskedAlready = booking.nextActionUrl !== null;
  const answer = isAskedAlready
    ? await askToAuthorize(booking, payments)
    : await payments.read({ eventId: booking.eventId, paymentId: paymentIdOf(booking) });
  if (answer.kind === "unknown") return again(answer);
  const isPaid = answer.kind === "known" && answer.value.state === PaymentState.AUTHORIZED;
  return isPaid ? holdAgainOrGiveUp(booking, refusal, deps) : learned({ kind: "seatsLost", isPaid: false });
}

// A hold never comes back to life, so that no late message about it can touch the seats' next owner: the same seats get a
// new hold, once, whose id is written before it is asked for.
function holdAgainOrGiveUp(booking: Booking, { reason }: Refusal, { newId }: SagaDeps): Progress {
  const mayHoldAgain = reason === RefusalReason.HOLD_EXPIRED && !isFree(booking) && !isHeldAgain(booking);
  if (mayHoldAgain) return { kind: "noted", because: "held_again", holdId: newId(), hasActed: true };
  return learned({ kind: "seatsLost", isPaid: !isFree(booking) });
}

function isHeldAgain({ holdId, reservationId }: Booking): boolean {
  return holdId !== reservationId;
}

/** Returns what an authorisation's answer leads to, or undefined when the seats may be confirmed. */
function learnedFromPayment({ state, declineReason, nextActionUrl }: Payment): Progress | undefined {
  switch (state) {
    case PaymentState.AUTHORIZED:
    case PaymentState.CAPTURING:
    case PaymentState.CAPTURED:
      return undefined;
    case PaymentState.DECLINED:
      return learned({ kind: "declined", reason: declineReason || "declined" });
    case PaymentState.ACTION_REQUIRED:
      return { kind: "waiting", nextActionUrl };
    case PaymentState.AUTHORIZING:
    case PaymentState.UNSPECIFIED:
      return { kind: "again", because: "the authorisation is not known" };
    case PaymentState.VOIDING:
    case PaymentState.VOIDED:
    case PaymentState.REFUNDING:
    case PaymentState.REFUNDED:
      // Another runner gave up on it, or payment itself did. What was given back can't be authorised again.
      return learned({ kind: "seatsLost", isPaid: false });
    default:
      return assertNever(state);
  }
}

// A malformed request (an amount beyond payment's bounds, say) was never asked of the provider, so the hold stays. Any
// other refusal leaves open what stands under the key: give back whatever it is.
function learnedFromAuthorizeRefusal({ reason }: Refusal): Progress {
  return learned(
    reason === RefusalReason.INVALID_ARGUMENT
      ? { kind: "declined", reason: "invalid_request" }
      : { kind: "seatsLost", isPaid: false },
  );
}
