import assert from "node:assert/strict";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { v7 as uuid } from "uuid";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { areaKey } from "./domain/area.ts";
import type { HoldSeatsOutcome } from "./domain/decide-holds.ts";
import { selectionWords, type Selection } from "./domain/selection.ts";
import { createAreaCatalog, type AreaCatalog } from "./store/area-catalog.ts";
import { holdSeats } from "./store/hold-seats.ts";
import { readHoldsAsTheyStand } from "./store/read-holds.ts";
import { batchPlannerSettings } from "./store/planner-settings.ts";
import { sweepOnce } from "./sweeper.ts";
import {
  best,
  hold,
  holdCommand,
  named,
  patient,
  publishEvent,
  startInventory,
  until,
  violationsOf,
  wordOf,
  type RunningInventory,
} from "./testing/fixture.ts";

describe("lapsed holds", () => {
  let database: TestDatabase;
  let inventory: RunningInventory;
  let sql: Sql;
  let catalog: AreaCatalog;

  before(async () => {
    database = await createTestDatabase();
    const url = database.urlOf("inventory");
    inventory = await startInventory(url);
    sql = createSql({ url, poolMax: 4, applicationName: "test", settings: batchPlannerSettings });
    catalog = createAreaCatalog(sql, { areasMax: 1 });
  });
  after(async () => {
    await sql.end({ timeout: 1 });
    await inventory.stop();
    await database.drop();
  });

  it("free their seats within 5 seconds, nobody asking", async () => {
    const eventId = await publishEvent(inventory, { holdTtl: durationFromMs(1_000) });
    const command = holdCommand(eventId, best(3));
    await hold(inventory, command);
    const started = Date.now();
    await until(async () => (await freeIn(eventId)) === 50);
    assert.ok(Date.now() - started < 6_000);
    const { outcomes } = await inventory.client.getHolds({ keys: [command] }, patient);
    assert.equal(wordOf(outcomes[0]!), "EXPIRED");
    assert.equal(wordOf((await hold(inventory, command))[0]!), "EXPIRED");
    assert.deepEqual(await violationsOf(inventory), []);
  });

  describe("while nobody sweeps", () => {
    before(() => inventory.stop());
    after(async () => {
      inventory = await startInventory(database.urlOf("inventory"));
    });

    it("give their seats at once to a buyer who needs them, be it for a count, a run or a name", async () => {
      const running = await startInventory(database.urlOf("inventory"));
      const eventId = await publishEvent(running, { holdTtl: durationFromMs(3_600_000) });
      await running.stop();
      const all: Selection = { kind: "best", quantity: 25, split: false };
      const needs: [areaId: string, filler: Selection[], need: Selection][] = [
        ["stalls", [all, all], { kind: "best", quantity: 1, split: true }],
        ["stalls", [namedEven("A"), namedEven("B")], { kind: "best", quantity: 2, split: false }],
        [
          "stalls",
          [{ kind: "named", seats: [{ row: "A", number: 7 }] }],
          { kind: "named", seats: [{ row: "A", number: 7 }] },
        ],
        ["floor", [{ kind: "count", quantity: 50 }], { kind: "count", quantity: 50 }],
      ];
      for (const [areaId, fillers, need] of needs) {
        for (const filler of fillers) assert.equal((await holdOne(eventId, areaId, filler)).kind, "hold");
        assert.notEqual((await holdOne(eventId, areaId, need)).kind, "hold");
        await lapseAll(eventId);
        assert.equal((await holdOne(eventId, areaId, need)).kind, "hold");
        await lapseAll(eventId);
        await sweepOnce(sql, catalog);
      }
    });

    it("do not count against the customer's limit", async () => {
      const running = await startInventory(database.urlOf("inventory"));
      const eventId = await publishEvent(running, { customerLimit: 2 });
      await running.stop();
      const two: Selection = { kind: "best", quantity: 2, split: false };
      assert.equal((await holdOne(eventId, "stalls", two)).kind, "hold");
      assert.equal((await holdOne(eventId, "stalls", two)).kind, "customerLimit");
      await lapseAll(eventId);
      assert.equal((await holdOne(eventId, "stalls", two)).kind, "hold");
    });

    it("are swept however many there are, and whatever their neighbours in the batch are like", async () => {
      const running = await startInventory(database.urlOf("inventory"));
      const eventId = await publishEvent(running);
      await running.stop();
      const one: Selection = { kind: "best", quantity: 1, split: false };
      const broken = await holdOne(eventId, "stalls", one);
      assert.equal(broken.kind, "hold");
      for (let index = 0; index < 3; index += 1) await holdOne(eventId, "stalls", one);
      await database.sql`delete from inventory.seat_claim where event_id = ${eventId} and seat = 0`;
      await lapseAll(eventId);
      const { ended, failures } = await sweepOnce(sql, catalog);
      assert.deepEqual([ended, failures.length], [3, 1]);
      assert.match(String(failures[0]), /had a claim/);
      assert.equal(await freeIn(eventId), 49);
      await database.sql`
        insert into inventory.seat_claim (event_id, area_id, seat, hold_id)
        select event_id, area_id, 0, hold_id from inventory.hold where event_id = ${eventId} and state = 'held'`;
      assert.deepEqual(await sweepOnce(sql, catalog), { ended: 1, failures: [] });
    });

    it("are swept once by any number of sweepers at once, and only they are", async () => {
      const running = await startInventory(database.urlOf("inventory"));
      const eventId = await publishEvent(running);
      await running.stop();
      const one: Selection = { kind: "best", quantity: 1, split: false };
      for (let index = 0; index < 10; index += 1) await holdOne(eventId, "stalls", one);
      await lapseAll(eventId);
      const alive = await holdOne(eventId, "stalls", one);
      await Promise.all([sweepOnce(sql, catalog), sweepOnce(sql, catalog), sweepOnce(sql, catalog)]);
      assert.deepEqual(await sweepOnce(sql, catalog), { ended: 0, failures: [] });
      assert.equal(await freeIn(eventId), 49);
      const held = alive.kind === "hold" ? await readHoldsAsTheyStand(sql, [alive.hold]) : new Map();
      assert.deepEqual(
        [...held.values()].map(({ state }) => state),
        ["held"],
      );
    });
  });

  it("can't be touched late: a release of the old hold leaves the seat to its next owner", async () => {
    const eventId = await publishEvent(inventory);
    const old = holdCommand(eventId, named(["A", 1]));
    await hold(inventory, old);
    await lapseAll(eventId);
    const next = holdCommand(eventId, named(["A", 1]));
    assert.equal(wordOf((await hold(inventory, next))[0]!), "HELD");
    const { outcomes } = await inventory.client.releaseHolds(
      { commands: [{ key: keyOf(old), confirmedToo: true }] },
      patient,
    );
    assert.equal(wordOf(outcomes[0]!), "EXPIRED");
    const confirmed = await inventory.client.confirmHolds({ keys: [keyOf(old), keyOf(next)] }, patient);
    assert.deepEqual(confirmed.outcomes.map(wordOf), ["HOLD_EXPIRED", "CONFIRMED"]);
    assert.deepEqual(await violationsOf(inventory), []);
  });

  async function holdOne(eventId: string, areaId: string, selection: Selection): Promise<HoldSeatsOutcome> {
    const command = {
      eventId,
      areaId,
      holdId: uuid(),
      customerId: "buyer",
      selection,
      words: selectionWords(selection),
    };
    const areas = await catalog.load([command]);
    assert.ok(areas.has(areaKey(command)));
    return (await holdSeats(sql, [command], areas))[0]!;
  }

  async function lapseAll(eventId: string): Promise<void> {
    await database.sql`
      update inventory.hold
      set expires_at = clock_timestamp() - interval '1 second'
      where event_id = ${eventId} and state = 'held'`;
  }

  async function freeIn(eventId: string): Promise<number> {
    const [row] = await database.sql<{ free: number }[]>`
      select free from inventory.stock where event_id = ${eventId} and area_id = 'stalls'`;
    return row!.free;
  }
});

function keyOf({ eventId, holdId }: { eventId: string; holdId: string }) {
  return { eventId, holdId };
}

function namedEven(row: string): Selection {
  return { kind: "named", seats: Array.from({ length: 12 }, (_, index) => ({ row, number: 2 * index + 2 })) };
}
