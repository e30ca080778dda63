// Whether what the neighbours say of a settled booking agrees with what it says itself. Undefined: they know nothing of it.

import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { isUnfinished, Phase } from "./booking.ts";
import { CheckoutOutcome } from "./transition.ts";

/** True when the hold may stand as it does for a booking in this phase with so many places; always for one in motion. */
export function holdAgrees(
  { phase, placesLeft }: { phase: Phase; placesLeft: number },
  hold: { state: HoldState; quantity: number } | undefined,
): boolean {
  if (phase === Phase.held || isUnfinished(phase)) return true;
  if (phase === Phase.confirmed) return hold?.state === HoldState.CONFIRMED && hold.quantity === placesLeft;
  return hold?.state !== HoldState.HELD && hold?.state !== HoldState.CONFIRMED;
}

/** True when the payment may stand as it does for an attempt that ended so, of a booking in this phase. */
export function paymentAgrees(
  { outcome, phase, refundedMinor }: { outcome: CheckoutOutcome; phase: Phase; refundedMinor: number },
  payment: { state: PaymentState; refundedMinor: number } | undefined,
): boolean {
  const state = payment?.state;
  const isRefundedAlike = payment?.refundedMinor === refundedMinor;
  switch (phase) {
    case Phase.confirmed:
      if (outcome === CheckoutOutcome.confirmed) return wasTaken(state) && !isInMotion(state) && isRefundedAlike;
      break;
    case Phase.refunding:
    case Phase.partRefunding:
      if (outcome !== CheckoutOutcome.declined) return wasTaken(state);
      break;
    case Phase.refunded:
      if (outcome !== CheckoutOutcome.declined) return state === PaymentState.REFUNDED && isRefundedAlike;
      break;
    default:
  }
  return state === undefined || state === PaymentState.DECLINED || state === PaymentState.VOIDED;
}

function wasTaken(state: PaymentState | undefined): boolean {
  return state === PaymentState.CAPTURED || isInMotion(state) || state === PaymentState.REFUNDED;
}

function isInMotion(state: PaymentState | undefined): boolean {
  return state === PaymentState.REFUNDING;
}
