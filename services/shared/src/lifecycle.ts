// Stopping in order: unready, stop accepting, drain, abort, close pools, flush, exit; each step bounded.

import type { Logger } from "./logger.ts";

/** Collects what has to be stopped. */
export type Lifecycle = {
  /** Adds a step; steps run in the order in which they were added here, each for at most `timeoutMs`. */
  onStop(name: string, timeoutMs: number, step: () => Promise<void> | void): void;
  /** Runs the steps once; a second call waits for the first. Never throws: a step that fails or hangs is logged. */
  stop(reason: string): Promise<void>;
  /** True once `stop` was called. */
  readonly stopping: boolean;
};

/** Returns an empty lifecycle. */
export function createLifecycle(log: Logger): Lifecycle {
  const steps: { name: string; timeoutMs: number; step: () => Promise<void> | void }[] = [];
  let stopped: Promise<void> | undefined;

  async function runSteps(reason: string): Promise<void> {
    log.info({ event: "stop.started", reason });
    for (const { name, timeoutMs, step } of steps) {
      let timer: NodeJS.Timeout | undefined;
      const timedOut = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms`)), timeoutMs);
      });
      try {
        await Promise.race([Promise.resolve().then(step), timedOut]);
      } catch (error) {
        log.error({ event: "stop.step_failed", step: name, error });
      } finally {
        clearTimeout(timer);
      }
    }
    log.info({ event: "stop.finished" });
  }

  return {
    onStop: (name, timeoutMs, step) => void steps.push({ name, timeoutMs, step }),
    stop: (reason) => (stopped ??= runSteps(reason)),
    get stopping() {
      return stopped !== undefined;
    },
  };
}

/** Stops on SIGTERM and SIGINT and exits with 0; a second signal exits at once with 1. */
export function stopOnSignals(lifecycle: Lifecycle): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (lifecycle.stopping) process.exit(1);
      void lifecycle.stop(signal).then(() => process.exit(0));
    });
  }
}
