import assert from "node:assert/strict";
import { ConfigError } from "#shared/config";
import { readInventoryConfig } from "./config.ts";

const needed = { PORT: "0", ADMIN_PORT: "0", DATABASE_URL: "postgres://localhost/boxoffice" };

describe("inventory's settings", () => {
  it("have bounds by default", () => {
    const config = readInventoryConfig(needed);
    assert.deepEqual(
      [config.BATCH_ITEMS_MAX, config.BATCH_QUEUE_MAX, config.BATCHES_IN_FLIGHT_MAX, config.SWEEP_INTERVAL_MS],
      [500, 10_000, 2, 1_000],
    );
  });

  it("are refused with every bad one named", () => {
    const bad = { ...needed, PORT: "none", BATCH_ITEMS_MAX: "0", SWEEP_INTERVAL_MS: "5000" };
    assert.throws(
      () => readInventoryConfig(bad),
      (error) => error instanceof ConfigError && /PORT[^]*BATCH_ITEMS_MAX[^]*SWEEP_INTERVAL_MS/.test(error.message),
    );
  });
});
