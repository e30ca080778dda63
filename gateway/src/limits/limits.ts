// The named limits of the gateway. Refusals and metrics name the limit, never the key.

import { RefusalReason, type Refusal } from "#stubs";
import { createRefusal } from "#shared/refusal";
import { createLimiter, type LeaseSource, type Limiter } from "./limiter.ts";

/**
 * What is counted: `address` every call of a client address, `sessions_per_address` sessions opened from it, `session` every
 * call of a customer, `event` reservations asked for of an event, `operations` checks and reports of an organiser.
 */
export const limitNames = ["address", "sessions_per_address", "session", "event", "operations"] as const;
export type LimitName = (typeof limitNames)[number];

/** The limits. */
export type Limits = {
  /** Takes a point; returns 0 or the milliseconds until there are new ones. A limit that is off always returns 0. */
  take(name: LimitName, key: string): number | Promise<number>;
};

const keysMax = 50_000;

/** Returns the limits; `points` of 0 turns one off. */
export function createLimits(options: {
  points: Record<LimitName, number>;
  windowSeconds: number;
  leasesOf: (name: LimitName) => LeaseSource;
}): Limits {
  const { points, windowSeconds, leasesOf } = options;
  const limiters = new Map<LimitName, Limiter>();
  for (const name of limitNames) {
    if (points[name] === 0) continue;
    const limiter = createLimiter({
      points: points[name],
      windowMs: windowSeconds * 1_000,
      keysMax,
      leases: leasesOf(name),
      now: () => performance.now(),
    });
    limiters.set(name, limiter);
  }
  return { take: (name, key) => limiters.get(name)?.take(key) ?? 0 };
}

/** Returns the refusal of a caller who is over a limit. */
export function rateLimited(limit: LimitName, retryAfterMs: number): Refusal {
  return createRefusal(RefusalReason.RATE_LIMITED, `too many requests: the limit "${limit}" is used up`, {
    metadata: { limit },
    retryAfterMs,
  });
}
