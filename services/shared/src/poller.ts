// Background work that runs again and again: the sweeper, the reconciler, the relay.

import type { Logger } from "./logger.ts";

/** A running poller. */
export type Poller = {
  /** Starts no further round and waits for the running one. */
  stop(): Promise<void>;
};

/**
 * Calls `round` every `intervalMs`, one at a time; at once again while it returns true, which says that there is more. A
 * round that throws is logged as `<name>.failed` and tried again at the next interval.
 */
export function startPoller(options: {
  name: string;
  intervalMs: number;
  round: (signal: AbortSignal) => Promise<boolean>;
  log: Logger;
}): Poller {
  const { name, intervalMs, round, log } = options;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let wake = () => {};

  const running = (async () => {
    while (!stopping.signal.aborted) {
      let more = false;
      try {
        more = await round(stopping.signal);
      } catch (error) {
        log.error({ event: `${name}.failed`, error });
      }
      if (more || stopping.signal.aborted) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, intervalMs);
      });
    }
  })();

  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      wake();
      await running;
    },
  };
}
