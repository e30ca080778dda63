// The connection to Redis. Every command is bounded and none waits for a lost connection: callers go on without Redis.

import { Redis } from "ioredis";
import type { Logger } from "#shared/logger";
import { createLogThrottle } from "#shared/log-throttle";

/** Connects in the background and keeps trying; failures are logged as `redis.failed`, at most every five seconds. */
export function createRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    commandTimeout: 250,
    // A connection on which nothing comes back any more is given up for another.
    socketTimeout: 2_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(100 * attempt, 2_000),
  });
  const throttle = createLogThrottle(5_000);
  redis.on("error", (error) => throttle((suppressed) => log.warn({ event: "redis.failed", error, suppressed })));
  return redis;
}
