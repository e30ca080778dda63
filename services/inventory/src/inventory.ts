// Puts inventory together.

import { fileURLToPath } from "node:url";
import { InventoryService } from "#stubs";
import { implement } from "#shared/grpc-server";
import { Counter } from "#shared/metrics";
import { isMigrated } from "#shared/migrate";
import type { ServiceContext, ServiceParts } from "#shared/service";
import { createSql } from "#shared/sql";
import { createBatchers } from "./batchers.ts";
import type { InventoryConfig } from "./config.ts";
import { confirmHoldsHandler, extendHoldsHandler, releaseHoldsHandler } from "./rpc/change-holds.ts";
import { checkInvariantsHandler } from "./rpc/check-invariants.ts";
import { explainHoldsHandler } from "./rpc/explain-holds.ts";
import { explainSeatHandler } from "./rpc/explain-seat.ts";
import { createEventHandler, getEventHandler, publishEventHandler } from "./rpc/events.ts";
import { getAvailabilityHandler } from "./rpc/get-availability.ts";
import { getHoldsHandler } from "./rpc/get-holds.ts";
import { holdSeatsHandler } from "./rpc/hold-seats.ts";
import { listEventsHandler } from "./rpc/list-events.ts";
import { createOutcomeMetrics } from "./rpc/outcome-metrics.ts";
import { createAreaCatalog } from "./store/area-catalog.ts";
import { batchPlannerSettings } from "./store/planner-settings.ts";
import { startSweeper } from "./sweeper.ts";

const schema = "inventory";
const dir = fileURLToPath(new URL("../migrations", import.meta.url));
const areasMax = 10_000;

/** Returns inventory's parts: its RPCs, its sweeper, and how to stop them. */
export async function buildInventory(config: InventoryConfig, { log, metrics }: ServiceContext): Promise<ServiceParts> {
  // Pools apart, so that slow reads never keep a batch waiting, and because they want different plans: whatever looks rows up
  // by a list of keys runs on the batches' pool. A check may take longer than the time after which the others' connections,
  // on which nothing is heard, count as lost.
  const url = config.DATABASE_URL;
  const readPoolMax = Math.max(1, Math.floor(config.DATABASE_POOL_MAX / 4));
  const statementTimeoutMs = config.STATEMENT_TIMEOUT_MS;
  const reads = createSql({ url, poolMax: readPoolMax, applicationName: "inventory-reads", statementTimeoutMs });
  const batches = createSql({
    url,
    poolMax: config.DATABASE_POOL_MAX - readPoolMax,
    applicationName: "inventory-batches",
    statementTimeoutMs,
    settings: batchPlannerSettings,
  });
  const checks = createSql({
    url,
    poolMax: 1,
    applicationName: "inventory-checks",
    statementTimeoutMs: config.CHECK_TIMEOUT_MS,
  });
  const catalog = createAreaCatalog(batches, { areasMax });
  const batchers = createBatchers({
    sql: batches,
    catalog,
    metrics,
    extensionMaxMs: config.HOLD_EXTENSION_MAX_MS,
    bounds: {
      itemsMax: config.BATCH_ITEMS_MAX,
      queueMax: config.BATCH_QUEUE_MAX,
      inFlightMax: config.BATCHES_IN_FLIGHT_MAX,
    },
  });
  const count = createOutcomeMetrics(metrics);
  const swept = new Counter({
    name: "boxoffice_inventory_swept_holds_total",
    help: "Lapsed holds that the sweeper found.",
    registers: [metrics],
  });
  const sweeper = startSweeper({ sql: batches, catalog, intervalMs: config.SWEEP_INTERVAL_MS, swept, log });

  return {
    implementations: [
      implement(InventoryService, {
        createEvent: createEventHandler(reads, () => new Date()),
        publishEvent: publishEventHandler(reads),
        getEvent: getEventHandler(reads),
        listEvents: listEventsHandler(reads),
        getAvailability: getAvailabilityHandler(reads),
        holdSeats: holdSeatsHandler({ batcher: batchers.hold, count, log }),
        confirmHolds: confirmHoldsHandler({ batcher: batchers.confirm, count, log }),
        releaseHolds: releaseHoldsHandler({ batcher: batchers.release, count, log }),
        extendHolds: extendHoldsHandler({ batcher: batchers.extend, count, log }),
        getHolds: getHoldsHandler({ sql: batches, catalog }),
        checkInvariants: checkInvariantsHandler(checks),
        explainHolds: explainHoldsHandler({ sql: reads, catalog }),
        explainSeat: explainSeatHandler({ sql: reads, catalog }),
      }),
    ],
    notReadyBecause: async () =>
      (await isMigrated(reads, { schema, dir })) ? undefined : "the database lacks migrations",
    stopWorkers: async () => void (await Promise.all([sweeper.stop(), batchers.close()])),
    close: async () => void (await Promise.all([reads, batches, checks].map((pool) => pool.end({ timeout: 3 })))),
  };
}
