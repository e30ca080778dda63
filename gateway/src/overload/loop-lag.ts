// How far the process's own event loop is behind. With its processor full and thousands of connections, one turn of the loop
// takes long, and whatever is measured meanwhile took as long at least: it waited for its turn to be sent, and for another
// one to be read. That is no queue of what stands behind the gateway, and refusing does not shorten it, since a refusal costs
// half of what letting in does. Limits that took it for one would shrink for nothing, and shrink again.

/** Knows the lag. */
export type LoopLag = {
  /** To be called by a timer of `intervalMs`; it comes late by what the loop is behind. */
  tick(nowMs: number): void;
  /** Milliseconds that a turn of the loop takes now. */
  readonly lagMs: number;
};

/** A tick may come between two long turns: what was seen fades by this factor. */
const fading = 0.8;

/** Returns the lag of a loop that turns quickly at first. It never exceeds `maxMs`. */
export function createLoopLag(options: { intervalMs: number; maxMs: number; nowMs: number }): LoopLag {
  const { intervalMs, maxMs } = options;
  let tickedAtMs = options.nowMs;
  let lagMs = 0;
  return {
    tick(nowMs) {
      lagMs = Math.min(maxMs, Math.max(0, nowMs - tickedAtMs - intervalMs, fading * lagMs));
      tickedAtMs = nowMs;
    },
    get lagMs() {
      return lagMs;
    },
  };
}
