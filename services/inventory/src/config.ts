// Inventory's settings; the one place that reads its environment.

import { integer, readConfig, str } from "#shared/config";
import { serviceSpecs } from "#shared/service";

const specs = {
  ...serviceSpecs,
  DATABASE_URL: str({ desc: "postgres:// of the role boxoffice_inventory" }),
  DATABASE_POOL_MAX: integer(
    2,
    200,
  )({
    default: 12,
    desc: "most connections; a quarter of them is for reading, the rest for batches",
  }),
  STATEMENT_TIMEOUT_MS: integer(10, 60_000)({ default: 10_000, desc: "longest statement, in milliseconds" }),
  CHECK_TIMEOUT_MS: integer(
    10,
    600_000,
  )({ default: 30_000, desc: "longest statement of a check of the invariants, in milliseconds" }),
  BATCH_ITEMS_MAX: integer(1, 5_000)({ default: 500, desc: "most commands in one transaction" }),
  BATCH_QUEUE_MAX: integer(1, 1_000_000)({ default: 10_000, desc: "most commands of one kind that wait" }),
  BATCHES_IN_FLIGHT_MAX: integer(1, 100)({ default: 2, desc: "most transactions of one kind at once" }),
  HOLD_EXTENSION_MAX_MS: integer(
    0,
    3_600_000,
  )({
    default: 300_000,
    desc: "milliseconds by which a hold that is being paid may last longer than twice its event's hold time",
  }),
  SWEEP_INTERVAL_MS: integer(
    10,
    2_500,
  )({
    default: 1_000,
    desc: "milliseconds between looks for lapsed holds, which must free their seats within 5 seconds",
  }),
};

/** Inventory's settings, read. */
export type InventoryConfig = ReturnType<typeof readInventoryConfig>;

/** Returns the settings in `env`. Throws ConfigError that names every bad one. */
export function readInventoryConfig(env: NodeJS.ProcessEnv) {
  return readConfig(env, specs);
}
