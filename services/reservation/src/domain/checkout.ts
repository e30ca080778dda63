// An attempt to pay, and what its key answers when it is repeated.

import { createHash } from "node:crypto";
import { assertNever } from "#shared/assert-never";
import { CheckoutOutcome } from "./transition.ts";

/** An attempt to pay. */
export type Checkout = {
  paymentId: string;
  /** As `digestOf` gives it. */
  tokenDigest: string;
  /** Null while it runs. */
  outcome: CheckoutOutcome | null;
  /** The provider's reason, when declined. */
  declineReason: string | null;
};

/** What the attempt's key answers. */
export type CheckoutAnswer =
  | { kind: "paid" }
  | { kind: "declined"; reason: string }
  | { kind: "holdExpired" }
  | { kind: "inProgress" }
  | { kind: "keyReused" };

/** Returns what a repeat of the attempt's key gets; a repeat with another payment method is a different request. */
export function answerOf(checkout: Checkout, tokenDigest: string): CheckoutAnswer {
  if (checkout.tokenDigest !== tokenDigest) return { kind: "keyReused" };
  switch (checkout.outcome) {
    case null:
      return { kind: "inProgress" };
    case CheckoutOutcome.confirmed:
      return { kind: "paid" };
    case CheckoutOutcome.declined:
      return { kind: "declined", reason: checkout.declineReason ?? "" };
    case CheckoutOutcome.expired:
      return { kind: "holdExpired" };
    default:
      return assertNever(checkout.outcome);
  }
}

/** Returns the fingerprint of a payment method's token. */
export function digestOf(paymentMethodToken: string): string {
  return createHash("sha256").update(paymentMethodToken).digest("hex");
}
