// What a provider keeps of a capture.

/** A fee, in minor units of the currency that the provider settles in, which may be another than the payment's. */
export type Fee = { amountMinor: number; currencyCode: string };

/**
 * Returns the fee that a provider told, undefined for what is none: whatever is odd about a fee may hold up no capture.
 * The currency is taken in either case.
 */
export function parseFee(amount: unknown, currency: unknown): Fee | undefined {
  if (typeof amount !== "number" || !Number.isSafeInteger(amount) || amount < 0) return undefined;
  if (typeof currency !== "string" || !/^[a-z]{3}$/i.test(currency)) return undefined;
  return { amountMinor: amount, currencyCode: currency.toUpperCase() };
}
