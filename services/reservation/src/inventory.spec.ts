import assert from "node:assert/strict";
import { createGrpcClient, InventoryService, type GrpcClient } from "#stubs";
import { createBatchMetrics, createMetrics } from "#shared/metrics";
import { startFakeInventory, type FakeInventory } from "../test/fake-inventory.ts";
import { newIds } from "../test/world.ts";
import { createInventory, type Inventory } from "./inventory.ts";

describe("what reservation sends to inventory", () => {
  let fake: FakeInventory;
  let client: GrpcClient<typeof InventoryService>;
  let inventory: Inventory;
  before(async () => {
    fake = await startFakeInventory();
    client = createGrpcClient(InventoryService, fake.target);
    inventory = createInventory({ client, timeoutMs: 15_000, metrics: createBatchMetrics(createMetrics()) });
  });
  after(async () => {
    await inventory.close();
    client.close();
    fake.stop();
  });

  const holds = () =>
    Array.from({ length: 500 }, () => {
      const { eventId, reservationId } = newIds();
      return { eventId, holdId: reservationId };
    });

  it("stays below 60,000 bytes a call, however many seats the parts of holds have that are kept", async () => {
    const seats = Array.from({ length: 50 }, (_, index) => ({ row: "ABCDEFGHIJKLMNOP", number: index + 951 }));
    const remainder = { places: seats.length, seats };
    const answers = await Promise.all(
      holds().map((key) => inventory.release(key, { confirmedToo: true, keepBlocked: true, remainder })),
    );
    assert.ok(answers.every(({ kind }) => kind === "refused"));
    assert.ok(fake.requestBytes.length > 1);
    assert.deepEqual(
      fake.requestBytes.filter((bytes) => bytes > 60_000),
      [],
    );
  });

  it("is one call for 500 holds that are given back whole", async () => {
    const before = fake.hooks.calls.get("releaseHolds") ?? 0;
    await Promise.all(holds().map((key) => inventory.release(key, { confirmedToo: true, keepBlocked: true })));
    assert.equal(fake.hooks.calls.get("releaseHolds"), before + 1);
    assert.ok(fake.requestBytes.at(-1)! <= 60_000);
  });
});
