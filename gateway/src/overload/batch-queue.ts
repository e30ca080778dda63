// How many may wait for a batch. The limit by wait learns from what was completed, which takes as long as buyers may wait; by
// then a crowd that comes at once has filled the queue. What a batch takes now is known at once, also of one that hangs.

/** A queue of batches. */
export type BatchQueue = {
  /** Items that wait. */
  readonly queued: number;
  /** Milliseconds that a batch takes now. */
  readonly batchMs: number;
};

/**
 * Returns whether more items wait than can begin within `waitMs`, if full batches, `inFlightMax` at a time, take as long as one
 * takes now, which is the best that can be hoped for. One batch may always wait.
 */
export function isTooLong(
  { queued, batchMs }: BatchQueue,
  { itemsMax, inFlightMax, waitMs }: { itemsMax: number; inFlightMax: number; waitMs: number },
): boolean {
  const batches = Math.max(1, Math.floor((waitMs * inFlightMax) / batchMs));
  return queued >= batches * itemsMax;
}
