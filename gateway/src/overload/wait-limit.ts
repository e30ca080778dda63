// How many calls one queue may hold: throughput × the wait that we allow (Little's law), as long as there is a standing queue.
//
// A queue that comes and goes does its work; one that stands only adds its length to everybody's wait. What tells them apart
// is the shortest wait of an interval (CoDel, RFC 8289): in a burst somebody soon finds the queue empty again, in an overload
// nobody does. So while the shortest wait stays over half of what we allow, and has done so for as long as we allow, the limit
// follows what is really completed; otherwise it grows back. Simulated in wait-limit.spec.ts.
//
// Batches make throughput grow with what is in flight: n calls take a + b·n. With the wait w the limit settles where a queue
// of w completes 1 − a/w of the most that is possible, and shrinks to its floor where w is no longer than a. So w has to be
// several times what a lone call takes. Where the process itself is behind (loop-lag.ts), a lone call takes two turns of its
// loop more, one to be sent and one to be read, and so much more is allowed.

/** Bounds one queue. Times are milliseconds of one monotonic clock. */
export type WaitLimit = {
  /** Returns why a call with this much time should not join the queue, or undefined where it may. Changes nothing. */
  refusalOf(timeoutMs: number): "wait" | "deadline" | undefined;
  /** A call joins. */
  enter(): void;
  /** A call leaves, answered or not. */
  leave(): void;
  /** So many calls were answered by what the queue stands before; the one that waited least waited this long. */
  completed(count: number, shortestWaitMs: number): void;
  /**
   * Judges what has happened since the last time, by a process whose loop is `lagMs` behind. To be called every
   * `tickIntervalMs`, or a little later.
   */
  tick(nowMs: number, lagMs: number): void;
  /** Calls in the queue. */
  readonly inFlight: number;
  /** Most that may be. */
  readonly limit: number;
  /** Milliseconds that a call waits that joins now; 0 where no queue stands. */
  readonly expectedWaitMs: number;
};

/** Milliseconds between two ticks. */
export const tickIntervalMs = 100;

/** A queue that no longer stands grows by this factor each tick: from 64 to 10,000 in 2.3 s. */
const growth = 1.25;
/** Throughput is a mean over about this time, since batches complete in lumps. */
const smoothingMs = 1_000;

/**
 * Returns a limit that allows a wait of `waitMs`. It starts at `ceiling`, which a burst may fill, and returns to it; it never
 * falls below `floor`, and fewer calls than that are always let in: they show when a dependency has recovered.
 */
export function createWaitLimit(options: {
  waitMs: number;
  floor: number;
  ceiling: number;
  /** True where the queue is known to be too long already. */
  isTooLong?: (() => boolean) | undefined;
  nowMs: number;
}): WaitLimit {
  const { waitMs, ceiling, isTooLong, nowMs } = options;
  const floor = Math.min(options.floor, ceiling);

  // What is allowed, and how long the shortest wait may be.
  let allowedMs = waitMs;
  let targetMs = waitMs / 2;

  let inFlight = 0;
  let limit = ceiling;
  // The interval that is being measured.
  let beganAtMs = nowMs;
  let completions = 0;
  let shortestMs = Infinity;
  // When something was completed, or nothing was there to be.
  let movedAtMs = nowMs;
  // How long a queue has stood, and what was completed meanwhile.
  let standingMs = 0;
  let completedPerMs = 0;
  let isOverloaded = false;

  function stand(elapsedMs: number): void {
    standingMs += elapsedMs;
    // The plain mean at first, an exponential one later.
    const weight = elapsedMs / Math.min(standingMs, Math.max(smoothingMs, elapsedMs));
    completedPerMs += weight * (completions / elapsedMs - completedPerMs);
    isOverloaded = standingMs >= allowedMs;
    if (isOverloaded) limit = bounded(completedPerMs * allowedMs);
  }

  function growBack(): void {
    standingMs = 0;
    completedPerMs = 0;
    isOverloaded = false;
    limit = bounded(limit * growth);
  }

  function bounded(calls: number): number {
    return Math.min(ceiling, Math.max(floor, Math.ceil(calls)));
  }

  return {
    refusalOf(timeoutMs) {
      if (inFlight < floor) return undefined;
      if (inFlight >= limit || isTooLong?.()) return "wait";
      return isOverloaded && inFlight > timeoutMs * completedPerMs ? "deadline" : undefined;
    },
    enter: () => void (inFlight += 1),
    leave: () => void (inFlight -= 1),
    completed(count, shortestWaitMs) {
      completions += count;
      if (shortestWaitMs < shortestMs) shortestMs = shortestWaitMs;
    },
    tick(nowMs, lagMs) {
      const elapsedMs = nowMs - beganAtMs;
      if (elapsedMs <= 0) return;
      allowedMs = waitMs + 2 * lagMs;
      targetMs = waitMs / 2 + 2 * lagMs;
      const stalledMs = nowMs - movedAtMs;
      if (completions > 0) {
        if (shortestMs < targetMs) growBack();
        else stand(elapsedMs);
      } else if (inFlight === 0) growBack();
      else if (stalledMs >= targetMs) stand(elapsedMs);
      // Between two batches: the interval goes on until there is something to judge.
      else return;
      if (completions > 0 || inFlight === 0) movedAtMs = nowMs;
      beganAtMs = nowMs;
      completions = 0;
      shortestMs = Infinity;
    },
    get inFlight() {
      return inFlight;
    },
    get limit() {
      return limit;
    },
    get expectedWaitMs() {
      return isOverloaded && completedPerMs > 0 ? inFlight / completedPerMs : 0;
    },
  };
}
