// One rate limit: so many points per key and window, shared by all replicas through Redis, without asking Redis on every
// request.
//
// A replica grants the first `blockPoints` of a key's window by itself. A key that needs more leases further blocks from
// Redis, and with its first lease reports what it had for free; a key that is refused stays refused until its window ends,
// without another question. So most keys never reach Redis, and a busy one does so a few times per window.
//
// What is guaranteed: in one window a key gets at most `points + replicas × blockPoints`; across the border of two windows
// at most twice that. While Redis is away every replica counts alone: `replicas × points`. At most `keysMax` keys are
// remembered; beyond that the oldest window is forgotten, and its key starts afresh.

/** Shares blocks of points among the replicas. */
export type LeaseSource = {
  /** Takes `points` of the key's; returns how many it has taken before and how long its window lasts, or undefined when the store is away. */
  lease(key: string, points: number): Promise<{ takenBefore: number; msLeft: number } | undefined>;
};

/** Counts one limit. */
export type Limiter = {
  /** Takes a point. Returns 0 when it was there, otherwise the milliseconds until the key gets new ones. Never rejects. */
  take(key: string): number | Promise<number>;
  /** Keys in memory. */
  readonly keys: number;
};

type Window = {
  used: number;
  granted: number;
  endsAtMs: number;
  /** Points granted without Redis knowing. */
  unreported: number;
  /** No more to be had in this window. */
  exhausted: boolean;
  leasing: Promise<void> | undefined;
};

const sweepEvery = 64;

/** Returns the part of a limit that a replica hands out at a time. */
export function blockPointsOf(points: number): number {
  return Math.ceil(points / 10);
}

/** Returns a limiter of `points` per key and window. */
export function createLimiter(options: {
  points: number;
  windowMs: number;
  keysMax: number;
  leases: LeaseSource;
  /** Milliseconds of a clock that nobody sets. */
  now: () => number;
}): Limiter {
  const { points, windowMs, keysMax, leases, now } = options;
  const blockPoints = blockPointsOf(points);
  // In order of the windows' beginnings: the first is the oldest.
  const windows = new Map<string, Window>();
  let untilSweep = sweepEvery;

  function windowOf(key: string, nowMs: number): Window {
    const known = windows.get(key);
    if (known && known.endsAtMs > nowMs) return known;
    if (known) windows.delete(key);
    if (--untilSweep === 0 || windows.size >= keysMax) makeRoom(nowMs);
    const window: Window = {
      used: 0,
      granted: blockPoints,
      endsAtMs: nowMs + windowMs,
      unreported: blockPoints,
      exhausted: false,
      leasing: undefined,
    };
    windows.set(key, window);
    return window;
  }

  // Forgets twice as many windows that are over as were opened since the last time, so that memory shrinks again without a
  // timer or a long sweep. Not at every opening: to begin reading a map from whose front keys were deleted costs a walk.
  function makeRoom(nowMs: number): void {
    untilSweep = sweepEvery;
    const keep = windows.size < keysMax ? keysMax : keysMax - 1 - Math.min(sweepEvery, keysMax >> 8);
    let looked = 0;
    for (const [key, { endsAtMs }] of windows) {
      if (endsAtMs > nowMs && windows.size <= keep) break;
      windows.delete(key);
      if (++looked === 2 * sweepEvery) break;
    }
  }

  async function takeLeased(key: string, window: Window): Promise<number> {
    // Every round grants something or exhausts the window, so there are at most as many as it has blocks.
    while (window.used >= window.granted && !window.exhausted) {
      await (window.leasing ??= lease(key, window));
    }
    if (window.used >= window.granted) return msUntil(window.endsAtMs, now());
    window.used += 1;
    return 0;
  }

  async function lease(key: string, window: Window): Promise<void> {
    const leased = await leases.lease(key, blockPoints + window.unreported);
    const room = leased ? points - leased.takenBefore - window.unreported : points - window.granted;
    const granted = Math.max(0, Math.min(room, blockPoints));
    window.granted += granted;
    window.exhausted = granted < blockPoints;
    if (leased) {
      window.unreported = 0;
      window.endsAtMs = now() + leased.msLeft;
    } else {
      window.unreported += granted;
    }
    window.leasing = undefined;
  }

  return {
    take(key) {
      const nowMs = now();
      const window = windowOf(key, nowMs);
      if (window.used < window.granted) {
        window.used += 1;
        return 0;
      }
      return window.exhausted ? msUntil(window.endsAtMs, nowMs) : takeLeased(key, window);
    },
    get keys() {
      return windows.size;
    },
  };
}

function msUntil(atMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil(atMs - nowMs));
}
