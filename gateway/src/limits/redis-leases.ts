// Leases of points from Redis, by rate-limiter-flexible's fixed windows. Redis is never the truth: when it is away, slow or
// wrong the caller counts alone.

import type { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { LeaseSource } from "./limiter.ts";

/** Milliseconds for which Redis is left alone after it failed, so that a hanging one costs one timeout, not one per key. */
const pauseAfterFailureMs = 1_000;

/** Returns a source that keeps one counter per key under `prefix`; `onFailure` is told what went wrong. */
export function createRedisLeases(options: {
  redis: Redis;
  prefix: string;
  windowSeconds: number;
  onFailure: (error: unknown) => void;
}): LeaseSource {
  const { redis, prefix, windowSeconds, onFailure } = options;
  const counters = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: prefix,
    // The limiter compares by itself; the counter only counts.
    points: Number.MAX_SAFE_INTEGER,
    duration: windowSeconds,
    rejectIfRedisNotReady: true,
  });
  let pausedUntilMs = 0;
  return {
    async lease(key, points) {
      if (performance.now() < pausedUntilMs) return undefined;
      try {
        const { consumedPoints, msBeforeNext } = await counters.consume(key, points);
        return { takenBefore: consumedPoints - points, msLeft: msBeforeNext };
      } catch (error) {
        pausedUntilMs = performance.now() + pauseAfterFailureMs;
        onFailure(error instanceof RateLimiterRes ? new Error("the counter is beyond all bounds") : error);
        return undefined;
      }
    },
  };
}
