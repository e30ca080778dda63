// What the sandbox keeps of a capture, as providers do: a share and a fixed amount.

/** The share in hundredths of a percent, the rest in the currency's minor units. */
export type FeeRate = { basisPoints: number; fixedMinor: number };

/** Returns the fee of an amount, both in minor units. Nothing costs nothing. */
export function feeOf(amountMinor: number, { basisPoints, fixedMinor }: FeeRate): number {
  return amountMinor === 0 ? 0 : Math.round((amountMinor * basisPoints) / 10_000) + fixedMinor;
}
