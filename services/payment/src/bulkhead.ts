// A provider that hangs must not take the whole service with it: only so many payments are worked on at once, only so
// many wait, and none waits long.

/** How many may do what. */
export type BulkheadOptions = {
  runningMax: number;
  waitingMax: number;
  /** Longest wait in milliseconds. */
  waitMsMax: number;
};

/** Lets a bounded number of callers in. */
export type Bulkhead = {
  /** Returns the function that leaves again, or undefined when there is no room in time. */
  enter(deadlineAtMs: number): Promise<(() => void) | undefined>;
  readonly running: number;
  readonly waiting: number;
};

/** Returns an empty bulkhead. */
export function createBulkhead({ runningMax, waitingMax, waitMsMax }: BulkheadOptions): Bulkhead {
  // In the order in which they came; a Set, since one that gives up leaves from the middle.
  const waiting = new Set<(leave: () => void) => void>();
  let running = 0;

  function admit(): () => void {
    running += 1;
    return () => {
      running -= 1;
      const [next] = waiting;
      if (next) next(admit());
    };
  }

  function wait(waitMs: number): Promise<(() => void) | undefined> {
    return new Promise((resolve) => {
      const settle = (leave: (() => void) | undefined) => {
        clearTimeout(timer);
        waiting.delete(settle);
        resolve(leave);
      };
      const timer = setTimeout(settle, waitMs, undefined);
      waiting.add(settle);
    });
  }

  return {
    async enter(deadlineAtMs) {
      if (running < runningMax) return admit();
      const waitMs = Math.min(waitMsMax, deadlineAtMs - Date.now());
      return waiting.size < waitingMax && waitMs > 0 ? await wait(waitMs) : undefined;
    },
    get running() {
      return running;
    },
    get waiting() {
      return waiting.size;
    },
  };
}
