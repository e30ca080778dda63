// When those who were refused should come back: spread over the time in which the gateway could have answered them, so that
// they do not return as the same crowd.

/** Chooses delays. */
export type RetryDelays = {
  /** Returns the index in `retryDelaysMs` of the next refusal's delay, and counts the refusal. */
  next(): number;
  /** Sizes the delays by what was refused and what was answered in the last second or so. */
  tick(answered: number): void;
};

const meansMs = [500, 1_000, 2_000, 4_000];
const spread = [0.5, 1.1, 0.8, 1.4, 0.6, 1.2, 0.9, 1.5];

/** All delays there are, in milliseconds: eight around each mean, from half of it to half as much again. */
export const retryDelaysMs: readonly number[] = meansMs.flatMap((meanMs) => spread.map((part) => meanMs * part));

/** Where hardly anything was answered there is nothing to go by: as if this many were. */
const answeredMin = 10;
/** Counts of ten ticks ago weigh about a third. */
const fading = 0.9;

/** Returns a chooser that begins with the shortest delays. */
export function createRetryDelays(): RetryDelays {
  let level = 0;
  let turn = 0;
  let refused = 0;
  let refusedRecently = 0;
  let answeredRecently = 0;
  return {
    next() {
      refused += 1;
      turn = (turn + 1) % spread.length;
      return level * spread.length + turn;
    },
    tick(answered) {
      refusedRecently = fading * refusedRecently + refused;
      answeredRecently = fading * answeredRecently + answered;
      refused = 0;
      // Ten that were refused in a second for every one that was answered need ten seconds.
      const backlogMs = (1_000 * refusedRecently) / Math.max(answeredMin, answeredRecently);
      const longEnough = meansMs.findIndex((meanMs) => meanMs >= backlogMs);
      level = longEnough < 0 ? meansMs.length - 1 : longEnough;
    },
  };
}
