import assert from "node:assert/strict";
import { Code } from "@connectrpc/connect";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import {
  best,
  hold,
  holdCommand,
  patient,
  publishEvent,
  startInventory,
  until,
  violationsOf,
  wordOf,
  type RunningInventory,
} from "./testing/fixture.ts";

describe("inventory when something fails", () => {
  let database: TestDatabase;
  let inventory: RunningInventory;

  before(async () => {
    database = await createTestDatabase();
    inventory = await startInventory(database.urlOf("inventory"));
  });
  after(async () => {
    await inventory.stop();
    await database.drop();
  });

  it("fails one poisoned item alone: the other 499 of its batch succeed", async () => {
    await database.sql`alter table inventory.hold add constraint no_poison check (customer_id <> 'poison')`;
    const price = { currencyCode: "EUR", amountMinor: 1n };
    const eventId = await publishEvent(inventory, {
      areas: [
        { areaId: "floor", name: "Floor", price, layout: { case: "generalAdmission", value: { capacity: 500 } } },
      ],
    });
    const commands = Array.from({ length: 500 }, (_, index) =>
      holdCommand(eventId, {
        areaId: "floor",
        selection: { case: "generalAdmission", value: { quantity: 1 } },
        ...(index === 321 ? { customerId: "poison" } : {}),
      }),
    );
    const words = (await hold(inventory, ...commands)).map(wordOf);
    assert.equal(words[321], "INTERNAL");
    assert.equal(words.filter((word) => word === "HELD").length, 499);
    await database.sql`alter table inventory.hold drop constraint no_poison`;
  });

  it("refuses to sell a seat that the database says has an owner, whatever its map says", async () => {
    const eventId = await publishEvent(inventory);
    await database.sql`
      insert into inventory.seat_claim (event_id, area_id, seat, hold_id) values (${eventId}, 'stalls', 0, ${eventId})`;
    const [first, floor] = await hold(
      inventory,
      holdCommand(eventId),
      holdCommand(eventId, { areaId: "floor", selection: { case: "generalAdmission", value: { quantity: 1 } } }),
    );
    assert.deepEqual([wordOf(first!), wordOf(floor!)], ["INTERNAL", "HELD"]);
    await database.sql`delete from inventory.seat_claim where event_id = ${eventId}`;
  });

  it("says unknown when its connection is cut in a batch, and a repeat with the same key is right", async () => {
    const eventId = await publishEvent(inventory);
    const command = holdCommand(eventId, best(2));
    const unlock = await lockStock(eventId);
    const answer = assert.rejects(hold(inventory, command), { code: Code.Unavailable });
    await until(async () => (await waitingBackends()).length > 0);
    for (const pid of await waitingBackends()) await database.sql`select pg_terminate_backend(${pid})`;
    await answer;
    await unlock();
    // The first use of the pool's connection after the cut may still be told of the cut.
    const again = await hold(inventory, command).catch(() => hold(inventory, command));
    assert.equal(wordOf(again[0]!), "HELD");
    const [row] = await database.sql<{ claims: number }[]>`
      select count(*) as claims from inventory.seat_claim where event_id = ${eventId}`;
    assert.equal(row!.claims, 2);
    assert.deepEqual(await violationsOf(inventory), []);
  });

  it("says unknown of items whose area somebody keeps locked, and goes on with the other areas meanwhile", async () => {
    const [stuckId, otherId] = [await publishEvent(inventory), await publishEvent(inventory)];
    const unlock = await lockStock(stuckId);
    const commands = [holdCommand(stuckId), holdCommand(stuckId)];
    const stuck: Promise<void>[] = [];
    // As many batches as may run at once.
    for (const command of commands) {
      stuck.push(assert.rejects(hold(inventory, command), { code: Code.Unavailable }));
      await until(async () => (await waitingBackends()).length === stuck.length);
    }
    assert.equal(wordOf((await hold(inventory, holdCommand(otherId)))[0]!), "HELD");
    await Promise.all(stuck);
    await unlock();
    assert.deepEqual((await hold(inventory, ...commands)).map(wordOf), ["HELD", "HELD"]);
    assert.deepEqual(await violationsOf(inventory), []);
  });

  it("holds nothing for a caller whose deadline passed before its batch began", async () => {
    const eventId = await publishEvent(inventory);
    const unlock = await lockStock(eventId);
    const first = hold(inventory, holdCommand(eventId));
    await until(async () => (await waitingBackends()).length > 0);
    const late = holdCommand(eventId);
    await assert.rejects(inventory.client.holdSeats({ commands: [late] }, { timeoutMs: 100 }), {
      code: Code.DeadlineExceeded,
    });
    await unlock();
    assert.equal(wordOf((await first)[0]!), "HELD");
    await hold(inventory, holdCommand(eventId));
    const { outcomes } = await inventory.client.getHolds({ keys: [{ eventId, holdId: late.holdId }] }, patient);
    assert.equal(wordOf(outcomes[0]!), "NOT_FOUND");
  });

  it("refuses items beyond its queue and says when to come back", async () => {
    const small = await startInventory(database.urlOf("inventory"), {
      BATCH_QUEUE_MAX: "2",
      BATCHES_IN_FLIGHT_MAX: "1",
    });
    const eventId = await publishEvent(small);
    const outcomes = await hold(small, ...Array.from({ length: 5 }, () => holdCommand(eventId)));
    assert.deepEqual(outcomes.map(wordOf), ["HELD", "HELD", "OVERLOADED", "OVERLOADED", "OVERLOADED"]);
    const last = outcomes[4]!.outcome;
    assert.equal(last.case === "refusal" && last.value.retryAfter?.seconds, 1n);
    await small.stop();
  });

  it("counts what items came to, refusals too", async () => {
    const eventId = await publishEvent(inventory);
    await hold(inventory, holdCommand(eventId), { ...holdCommand(eventId), areaId: "nowhere" });
    const metrics = await (await fetch(`${inventory.adminUrl}/metrics`)).text();
    for (const outcome of ["HELD", "NOT_FOUND"]) {
      assert.match(metrics, new RegExp(`outcomes_total\\{method="HoldSeats",outcome="${outcome}"\\} [1-9]`));
    }
    assert.match(metrics, /boxoffice_batch_queue_items\{batcher="hold"\} 0/);
  });

  it("is ready while its database is migrated, and not otherwise", async () => {
    const ready = async () => (await fetch(`${inventory.adminUrl}/ready`)).status;
    assert.equal(await ready(), 200);
    await database.sql`update inventory.migration set version = -version`;
    assert.equal(await ready(), 503);
    await database.sql`update inventory.migration set version = -version`;
  });

  it("answers reads and readiness while many checks of the invariants take long", async () => {
    const eventId = await publishEvent(inventory);
    const connection = await database.sql.reserve();
    await connection`begin`;
    await connection`lock table inventory.seat_claim in access exclusive mode`;
    const checks = Array.from({ length: 5 }, () => inventory.client.checkInvariants({}, patient));
    await until(async () => (await waitingBackends("inventory-checks")).length > 0);
    try {
      await inventory.client.getEvent({ eventId }, { timeoutMs: 3_000 });
      assert.equal((await fetch(`${inventory.adminUrl}/ready`)).status, 200);
    } finally {
      await connection`rollback`;
      connection.release();
    }
    for (const { reports } of await Promise.all(checks)) assert.ok(reports.length > 0);
  });

  it("gives a check of the invariants time beyond that after which silence counts as the loss of a connection", async () => {
    const hasty = await startInventory(database.urlOf("inventory"), { STATEMENT_TIMEOUT_MS: "100" });
    const connection = await database.sql.reserve();
    await connection`begin`;
    await connection`lock table inventory.seat_claim in access exclusive mode`;
    const check = hasty.client.checkInvariants({}, patient);
    check.catch(() => {});
    const isSilentFor3s = async () => {
      const rows = await database.sql`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query_start < now() - interval '3 seconds'`;
      return rows.length > 0;
    };
    try {
      await until(isSilentFor3s);
    } finally {
      await connection`rollback`;
      connection.release();
    }
    assert.ok((await check).reports.length > 0);
    await hasty.stop();
  });

  // Keeps the event's stock locked, as a stalled transaction would, until the returned function is called.
  async function lockStock(eventId: string): Promise<() => Promise<void>> {
    const connection = await database.sql.reserve();
    await connection`begin`;
    await connection`select 1 from inventory.stock where event_id = ${eventId} for update`;
    return async () => {
      await connection`rollback`;
      connection.release();
    };
  }

  async function waitingBackends(applicationName = "inventory-batches"): Promise<number[]> {
    const rows = await database.sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and application_name = ${applicationName} and wait_event_type = 'Lock'`;
    return rows.map(({ pid }) => pid);
  }
});
