// Whether what the neighbours say of a settled booking agrees with what it says itself. Undefined: they know nothing of it.

import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { isUnfinished, Phase } from "./booking.ts";
import { CheckoutOutcome } from "./transition.ts";

/** True when the hold may stand as it does for a booking in this phase; always true for one in motion. */
export function holdAgrees(phase: Phase, hold: HoldState | undefined): boolean {
  if (phase === Phase.held || isUnfinished(phase)) return true;
  if (phase === Phase.confirmed) return hold === HoldState.CONFIRMED;
  return hold !== HoldState.HELD && hold !== HoldState.CONFIRMED;
}

/** True when the payment may stand as it does for an attempt that ended so, of a booking in this phase. */
export function paymentAgrees(
  { outcome, phase }: { outcome: CheckoutOutcome; phase: Phase },
  payment: PaymentState | undefined,
): boolean {
  switch (phase) {
    case Phase.confirmed:
      if (outcome === CheckoutOutcome.confirmed) return payment === PaymentState.CAPTURED;
      break;
    case Phase.refunding:
      if (outcome !== CheckoutOutcome.declined) return isTaken(payment) || payment === PaymentState.REFUNDED;
      break;
    case Phase.refunded:
      if (outcome !== CheckoutOutcome.declined) return payment === PaymentState.REFUNDED;
      break;
    default:
  }
  return payment === undefined || payment === PaymentState.DECLINED || payment === PaymentState.VOIDED;
}

function isTaken(payment: PaymentState | undefined): boolean {
  return payment === PaymentState.CAPTURED || payment === PaymentState.REFUNDING;
}
