// When a provider that refused for good to void or refund is asked once more. It may have been a full account or a rule of
// the day; but some refusals only a person can mend, so it ends.

/** Refusals after which somebody should look. */
export const refusalsToLookAt = 3;

/** Refusals after which nobody asks by itself any more. */
export const refusalsMax = 20;

const firstMs = 30_000;
const longestMs = 6 * 3_600_000;

/** Returns milliseconds until the next try, from 30 s doubling to 6 h, or null when there is none. `refusals` counts from 1. */
export function retryDelayMs(refusals: number): number | null {
  if (refusals >= refusalsMax) return null;
  return Math.min(longestMs, firstMs * 2 ** Math.min(refusals - 1, 20));
}

/** Returns the idempotency key of the next try. A refusal for good moves it on, since a provider repeats its answer to a key. */
export function tryKey(key: string, refusals: number): string {
  return refusals > 0 ? `${key}:${refusals + 1}` : key;
}
