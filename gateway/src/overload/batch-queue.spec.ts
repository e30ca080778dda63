import assert from "node:assert/strict";
import { isTooLong } from "./batch-queue.ts";

const bounds = { itemsMax: 500, inFlightMax: 2, waitMs: 2_000 };

describe("a queue of batches", () => {
  it("is too long where it holds more full batches than run within the wait that is allowed", () => {
    assert.equal(isTooLong({ queued: 3_999, batchMs: 500 }, bounds), false);
    assert.equal(isTooLong({ queued: 4_000, batchMs: 500 }, bounds), true);
  });

  it("may always hold one batch, however long one takes", () => {
    assert.equal(isTooLong({ queued: 499, batchMs: 60_000 }, bounds), false);
    assert.equal(isTooLong({ queued: 500, batchMs: 60_000 }, bounds), true);
  });

  it("is not too long while nothing is known of batches", () => {
    assert.equal(isTooLong({ queued: 100_000, batchMs: 0 }, bounds), false);
  });
});
