// Where Stripe's smallest unit is not the minor unit of ISO 4217. https://docs.stripe.com/currencies#special-cases

// ISO 4217 counts ISK and UGX without decimals and MGA with two; Stripe has it the other way round.
const countedOtherwise = new Set(["ISK", "UGX", "MGA"]);

// Three decimals, of which Stripe wants the last to be zero.
const inTens = new Set(["BHD", "JOD", "KWD", "OMR", "TND"]);

/** True when Stripe takes a number of ISO minor units for the amount that is meant. */
export function isStripeAmount({ amountMinor, currencyCode }: { amountMinor: number; currencyCode: string }): boolean {
  if (!isCountedInIsoUnits(currencyCode)) return false;
  return !inTens.has(currencyCode) || amountMinor % 10 === 0;
}

/** True when Stripe's amounts of a currency are in ISO 4217's minor units. */
export function isCountedInIsoUnits(currencyCode: string): boolean {
  return !countedOtherwise.has(currencyCode);
}
