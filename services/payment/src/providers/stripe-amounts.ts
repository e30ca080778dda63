// Where Stripe's smallest unit is not the minor unit of ISO 4217. https://docs.stripe.com/currencies#special-cases

import type { DeclineReason } from "../domain/decline-reason.ts";

// ISO 4217 counts ISK and UGX without decimals and MGA with two; Stripe has it the other way round.
const countedOtherwise = new Set(["ISK", "UGX", "MGA"]);

// Three decimals, of which Stripe wants the last to be zero.
const inTens = new Set(["BHD", "JOD", "KWD", "OMR", "TND"]);

/** Returns why Stripe would not take a number of ISO minor units for the amount that is meant; undefined where it would. */
export function faultOfAmount({
  amountMinor,
  currencyCode,
}: {
  amountMinor: number;
  currencyCode: string;
}): DeclineReason | undefined {
  if (!isCountedInIsoUnits(currencyCode)) return "currency_not_supported";
  return inTens.has(currencyCode) && amountMinor % 10 !== 0 ? "other" : undefined;
}

/** True when Stripe's amounts of a currency are in ISO 4217's minor units. */
export function isCountedInIsoUnits(currencyCode: string): boolean {
  return !countedOtherwise.has(currencyCode);
}
