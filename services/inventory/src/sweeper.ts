// Ends holds that have lapsed, so that their seats are on sale again. Any number of replicas may sweep at once: whoever
// comes second finds the hold ended already.

import type { Logger } from "#shared/logger";
import type { Counter } from "#shared/metrics";
import { startPoller, type Poller } from "#shared/poller";
import type { Sql } from "#shared/sql";
import { expireHold } from "./domain/hold.ts";
import type { AreaCatalog } from "./store/area-catalog.ts";
import { changeHolds } from "./store/change-holds.ts";
import { findLapsed } from "./store/read-holds.ts";

const batchItemsMax = 500;

/** Ends up to 500 lapsed holds, the oldest first. Returns how many it found. */
export async function sweepOnce(sql: Sql, catalog: AreaCatalog): Promise<number> {
  const lapsed = await findLapsed(sql, batchItemsMax);
  if (lapsed.length === 0) return 0;
  await changeHolds(lapsed, { sql, catalog, prolongs: false, decide: (hold, _, { now }) => expireHold(hold, now) });
  return lapsed.length;
}

/** Sweeps every `intervalMs`, and at once again while there is a full batch. `swept` counts the holds. */
export function startSweeper(options: {
  sql: Sql;
  catalog: AreaCatalog;
  intervalMs: number;
  swept: Counter;
  log: Logger;
}): Poller {
  const { sql, catalog, intervalMs, swept, log } = options;
  return startPoller({
    name: "sweep",
    intervalMs,
    log,
    async round() {
      const count = await sweepOnce(sql, catalog);
      swept.inc(count);
      return count === batchItemsMax;
    },
  });
}
