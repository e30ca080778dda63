// Keeps a failure that comes with every request from filling the log.

/** Runs `write` unless it ran within the interval; tells it how many times it was kept silent since. */
export type LogThrottle = (write: (suppressed: number) => void) => void;

/** Returns a throttle that lets one through every `intervalMs`. */
export function createLogThrottle(intervalMs: number, now: () => number = () => performance.now()): LogThrottle {
  let openAtMs = -Infinity;
  let suppressed = 0;
  return (write) => {
    const nowMs = now();
    if (nowMs < openAtMs) {
      suppressed += 1;
      return;
    }
    openAtMs = nowMs + intervalMs;
    write(suppressed);
    suppressed = 0;
  };
}
