// Publishes what was written to the outbox to a Redis stream, at least once. While Redis is gone the rows wait in Postgres
// and nobody's request notices.

import { Redis } from "ioredis";
import type { Logger } from "#shared/logger";
import { Gauge, type Registry } from "#shared/metrics";
import { startPoller } from "#shared/poller";
import type { Sql } from "#shared/sql";
import { claimOutbox, countOutbox, deleteOutbox, returnOutbox, type OutboxRow } from "./store/outbox.ts";

/** A running relay. */
export type OutboxRelay = {
  /** Publishes nothing more, and closes its connection to Redis. */
  stop(): Promise<void>;
};

const rowsMax = 20;
const leaseMs = 10_000;
const countMax = 10_000;

// One command for all entries: a command and a promise each was a tenth of the process's time in a rush.
const appendScript = `
  for i = 2, #ARGV, 2 do
    redis.call("XADD", KEYS[1], "MAXLEN", "~", ARGV[1], "*", "type", ARGV[i], "data", ARGV[i + 1])
  end`;

/** Starts the relay. Each message becomes one entry of `stream`, with the fields `type` and `data` (JSON). */
export function startOutboxRelay(options: {
  sql: Sql;
  redisUrl: string;
  stream: string;
  /** About how many entries the stream keeps. */
  streamLengthMax: number;
  intervalMs: number;
  log: Logger;
  metrics: Registry;
}): OutboxRelay {
  const { sql, redisUrl, stream, streamLengthMax, intervalMs, log, metrics } = options;
  const redis = connectRedis(redisUrl, log);
  let waitingKnown = 0;
  new Gauge({
    name: "boxoffice_outbox_rows",
    help: `Rows of the outbox that wait to be published, counted up to ${countMax}.`,
    registers: [metrics],
    async collect() {
      waitingKnown = await countOutbox(sql, countMax).catch(() => waitingKnown);
      this.set(waitingKnown);
    },
  });

  async function publish(rows: OutboxRow[]): Promise<void> {
    const entries: string[] = [];
    for (const { messages } of rows) {
      for (const message of messages) entries.push(message.type, JSON.stringify(message));
    }
    await redis.eval(appendScript, 1, stream, streamLengthMax, ...entries);
  }

  const poller = startPoller({
    name: "outbox_relay",
    intervalMs,
    log,
    async round() {
      // Without Redis there is nothing to do, and rows should not be claimed back and forth.
      if (redis.status !== "ready") return false;
      const rows = await claimOutbox(sql, { limit: rowsMax, leaseMs });
      if (rows.length === 0) return false;
      try {
        await publish(rows);
      } catch (error) {
        await returnOutbox(sql, rows);
        throw error;
      }
      await deleteOutbox(sql, rows);
      return rows.length === rowsMax;
    },
  });

  return {
    async stop() {
      await poller.stop();
      redis.disconnect();
    },
  };
}

function connectRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    // Commands fail at once while the connection is down: the outbox is the queue.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
    // A connection on which nothing comes back any more is given up for another.
    socketTimeout: 5_000,
    retryStrategy: (tries) => Math.min(100 * 2 ** Math.min(tries, 6), 3_000),
  });
  let down = false;
  redis.on("error", (error: Error) => {
    if (!down) log.warn({ event: "outbox_relay.redis_down", error });
    down = true;
  });
  redis.on("ready", () => {
    if (down) log.info({ event: "outbox_relay.redis_back" });
    down = false;
  });
  return redis;
}
