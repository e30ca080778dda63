// How long to wait before an unknown answer is asked for again.

const firstMs = 200;
const longestMs = 15_000;

/**
 * Returns milliseconds to wait after `attempts` tries: doubling from 200 ms to 15 s, of which a random half is taken off,
 * so that bookings that failed together don't come back together. `random` is at least 0 and below 1.
 */
export function backoffMs(attempts: number, random: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempts, 10));
  return Math.round(full * (1 - random / 2));
}
