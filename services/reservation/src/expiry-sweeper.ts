// Writes down the end of holds that lapsed. Readers see them as expired before; this makes it final and announces it.
// Bookings that are being paid are left alone: inventory decides whether their seats could still be sold.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import type { Sql } from "#shared/sql";
import { expireLapsed } from "./store/apply-moves.ts";

const sweepItemsMax = 500;

/** Starts the sweeper: every `intervalMs` up to 500 bookings, and at once again while there are more. */
export function startExpirySweeper(options: { sql: Sql; intervalMs: number; log: Logger }): Poller {
  const { sql, intervalMs, log } = options;
  return startPoller({
    name: "expiry_sweeper",
    intervalMs,
    log,
    round: async () => (await expireLapsed(sql, { limit: sweepItemsMax })) === sweepItemsMax,
  });
}
