import assert from "node:assert/strict";
import { createGrpcClient, InventoryService, type GrpcClient } from "#stubs";
import { startFakeInventory, type FakeInventory } from "../test/fake-inventory.ts";
import { down, gateAt } from "../test/hooks.ts";
import { newIds } from "../test/world.ts";
import { createEventTerms } from "./event-terms.ts";

describe("an event's terms", () => {
  let fake: FakeInventory;
  let client: GrpcClient<typeof InventoryService>;
  before(async () => {
    fake = await startFakeInventory();
    client = createGrpcClient(InventoryService, fake.target);
  });
  beforeEach(() => fake.hooks.reset());
  after(() => {
    client.close();
    fake.stop();
  });

  it("are waited for no longer than whoever asks waits, however patient reservation is", async () => {
    const terms = createEventTerms({ client, timeoutMs: 3_600_000 });
    const { eventId } = newIds();
    const gate = gateAt("getEvent");
    fake.hooks.before = gate.hook;
    await assert.rejects(terms.refundUntil(eventId, { deadlineAtMs: Date.now() + 100 }), /deadline/i);
    gate.open();
  });

  it("are waited for no longer than reservation waits, however patient whoever asks is", async () => {
    const terms = createEventTerms({ client, timeoutMs: 100 });
    const gate = gateAt("getEvent");
    fake.hooks.before = gate.hook;
    await assert.rejects(terms.refundUntil(newIds().eventId, { deadlineAtMs: Date.now() + 3_600_000 }), /deadline/i);
    gate.open();
  });

  it("are known without asking once they were asked for, even to whoever has no time left", async () => {
    const terms = createEventTerms({ client, timeoutMs: 15_000 });
    const { eventId } = newIds();
    fake.refundEnds.set(eventId, 1_000);
    const end = await terms.refundUntil(eventId, { deadlineAtMs: Date.now() + 15_000 });
    assert.equal(end.getTime(), 1_000);
    fake.hooks.before = down;
    assert.deepEqual(await terms.refundUntil(eventId, { deadlineAtMs: Date.now() - 1 }), end);
  });
});
