// Ends holds that have lapsed, so that their seats are on sale again. Any number of replicas may sweep at once: whoever
// comes second finds the hold ended already.

import { createBatcher } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import type { Counter } from "#shared/metrics";
import { startPoller, type Poller } from "#shared/poller";
import type { Sql } from "#shared/sql";
import { expireHold, type HoldRef } from "./domain/hold.ts";
import type { AreaCatalog } from "./store/area-catalog.ts";
import { isItemFault } from "./rpc/batch.ts";
import { changeHolds } from "./store/change-holds.ts";
import { findLapsed } from "./store/read-holds.ts";

const batchItemsMax = 500;

/** What a sweep came to: holds that it found and that are ended now, and why the others are not. */
export type Sweep = { ended: number; failures: unknown[] };

/** Ends up to 500 lapsed holds, the oldest first. One that can't be ended keeps none of the others from it. */
export async function sweepOnce(sql: Sql, catalog: AreaCatalog): Promise<Sweep> {
  const lapsed = await findLapsed(sql, batchItemsMax);
  const batcher = createBatcher({
    itemsMax: batchItemsMax,
    queueMax: batchItemsMax,
    inFlightMax: 1,
    isItemFault,
    run: (holds: HoldRef[]) =>
      changeHolds(holds, { sql, catalog, prolongs: false, decide: (hold, _, { now }) => expireHold(hold, now) }),
  });
  const settled = await Promise.allSettled(lapsed.map((hold) => batcher.submit(hold, { deadlineAtMs: Infinity })));
  const failures = settled.filter((result) => result.status === "rejected").map(({ reason }) => reason as unknown);
  return { ended: lapsed.length - failures.length, failures };
}

/** Sweeps every `intervalMs`, and at once again while there is a full batch. `swept` counts the holds that are ended. */
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
      const { ended, failures } = await sweepOnce(sql, catalog);
      swept.inc(ended);
      if (failures.length > 0) log.error({ event: "sweep.failed", holds: failures.length, error: failures[0] });
      return ended > 0 && ended + failures.length === batchItemsMax;
    },
  });
}
