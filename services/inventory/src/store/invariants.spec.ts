import assert from "node:assert/strict";
import type { Transaction } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import {
  hold,
  holdCommand,
  named,
  places,
  publishEvent,
  startInventory,
  type RunningInventory,
} from "../testing/fixture.ts";
import { checkInvariants } from "./invariants.ts";

// What each check must find, by a statement that breaks the rows behind the service's back.
const breakages: Record<string, (eventId: string) => string[]> = {
  "inventory.counts_add_up": () => [
    "update inventory.stock set free = free + 1, held = held - 1 where area_id = 'stalls' and held > 0",
  ],
  "inventory.counts_match_holds": () => [
    "update inventory.stock set free = free + 1, held = held - 1 where area_id = 'floor' and held > 0",
  ],
  "inventory.blocked_places_came_from_refunds": () => [
    "update inventory.stock set free = free - 1, blocked = blocked + 1 where area_id = 'floor' and held > 0",
  ],
  "inventory.one_owner_per_seat": () => [
    `insert into inventory.hold (event_id, hold_id, area_id, customer_id, quantity, seats, selection, created_at, expires_at)
     select event_id, gen_random_uuid(), area_id, 'second', quantity, seats, selection, created_at, expires_at
     from inventory.hold where area_id = 'stalls'`,
  ],
  "inventory.live_seats_are_claimed": () => ["delete from inventory.seat_claim where seat = 0"],
  "inventory.lapsed_holds_are_swept": () => ["update inventory.hold set expires_at = now() - interval '6 seconds'"],
  "inventory.claims_have_holds": (eventId) => [
    `insert into inventory.seat_claim (event_id, area_id, seat, hold_id) values ('${eventId}', 'stalls', 9, gen_random_uuid())`,
  ],
  "inventory.customers_within_limit": () => ["update inventory.event set customer_limit = 1"],
  "inventory.ended_holds_own_nothing": () => ["update inventory.hold set state = 'released' where area_id = 'stalls'"],
  "inventory.states_move_forward": () => ["update inventory.hold set ended_at = now() where area_id = 'floor'"],
  "inventory.seat_map_matches_holds": () => [
    "update inventory.stock set seat_map = set_byte(seat_map, 12, 4) where area_id = 'stalls'",
  ],
};

describe("invariants", () => {
  let database: TestDatabase;
  let inventory: RunningInventory;
  let eventId: string;

  before(async () => {
    database = await createTestDatabase();
    inventory = await startInventory(database.urlOf("inventory"));
    eventId = await publishEvent(inventory, { customerLimit: 10 });
    await hold(
      inventory,
      holdCommand(eventId, { customerId: "buyer", ...named(["A", 1], ["A", 2]) }),
      holdCommand(eventId, { customerId: "buyer", ...places(3) }),
    );
    await publishEvent(inventory);
    await inventory.stop();
  });
  after(() => database.drop());

  it("hold on a database that only the service wrote, and say how much they looked at", async () => {
    const reports = await checkInvariants(database.sql, undefined);
    assert.deepEqual(new Set(reports.map(({ name }) => name)), new Set(Object.keys(breakages)));
    for (const report of reports) {
      assert.deepEqual([report.name, report.violations, report.examples], [report.name, 0, []]);
      assert.ok(report.examined > 0, report.name);
    }
  });

  for (const [name, statementsFor] of Object.entries(breakages)) {
    it(`find what breaks ${name}`, async () => {
      const broken = await reportWhile(name, statementsFor(eventId));
      assert.ok(broken.violations > 0);
      assert.ok(broken.examples[0]!.startsWith(eventId));
      assert.ok(broken.examples.length <= 10);
    });
  }

  it("find a seat that is blocked in place of another", async () => {
    const broken = await reportWhile("inventory.blocked_places_came_from_refunds", [
      `insert into inventory.hold_return (event_id, hold_id, quantity_left, quantity, seats, blocked)
       select event_id, hold_id, 1, 1, '{8}', true from inventory.hold where area_id = 'stalls'`,
      `update inventory.stock set free = free - 1, blocked = blocked + 1, seat_map = set_byte(seat_map, 2, 12)
       where event_id = '${eventId}' and area_id = 'stalls'`,
    ]);
    assert.deepEqual(broken.examples, [`${eventId}/stalls/8`, `${eventId}/stalls/9`]);
  });

  it("say nothing of an area's blocked places where a refund is from before it was kept what came back", async () => {
    const name = "inventory.blocked_places_came_from_refunds";
    const refund = (areaId: string, endedAt = "null") => [
      `update inventory.hold set state = 'refunded', confirmed_at = now(), ended_at = ${endedAt}
       where event_id = '${eventId}' and area_id = '${areaId}'`,
      `update inventory.stock set held = 0, blocked = blocked + held, seat_map = case when length(seat_map) > 0
         then set_byte(seat_map, 0, 15) else seat_map end
       where event_id = '${eventId}' and area_id = '${areaId}'`,
    ];
    const old = await reportWhile(name, [...refund("floor"), ...refund("stalls")]);
    assert.deepEqual(old.examples, []);
    const unkept = await reportWhile(name, refund("floor", "now()"));
    assert.deepEqual(unkept.examples, [`${eventId}/floor`]);
    const kept = `insert into inventory.hold_return (event_id, hold_id, quantity_left, quantity, seats, blocked)
      select event_id, hold_id, 0, quantity, seats, true from inventory.hold where state = 'refunded'`;
    const broken = "update inventory.stock set free = free - 1, blocked = blocked + 1 where area_id = 'floor'";
    assert.deepEqual((await reportWhile(name, [...refund("floor"), kept])).examples, []);
    const found = await reportWhile(name, [...refund("floor"), kept, broken]);
    assert.ok(found.examples.includes(`${eventId}/floor`));
  });

  it("call no customer greedy whose hold lapsed between the beginning of the check and its first look", async () => {
    const late = new Proxy(database.sql, {
      get: (sql, property) =>
        property === "begin"
          ? (mode: string, body: (tx: Transaction) => Promise<unknown>) =>
              sql.begin(mode, async (tx) => {
                await database.sql`update inventory.hold set expires_at = clock_timestamp() where area_id = 'floor'`;
                await database.sql`update inventory.event set customer_limit = 2 where event_id = ${eventId}`;
                return await body(tx);
              })
          : Reflect.get(sql, property),
    });
    const reports = await checkInvariants(late, eventId);
    await database.sql`update inventory.event set customer_limit = 10 where event_id = ${eventId}`;
    await database.sql`update inventory.hold set expires_at = clock_timestamp() + interval '10 minutes'`;
    assert.equal(reports.find(({ name }) => name === "inventory.customers_within_limit")!.violations, 0);
  });

  it("look at one event only where asked", async () => {
    const [all] = await checkInvariants(database.sql, undefined);
    const [one] = await checkInvariants(database.sql, eventId);
    assert.deepEqual([all!.examined, one!.examined], [4, 2]);
  });

  // Breaks a clone, so that every check meets whole rows but for its own.
  async function reportWhile(name: string, statements: string[]) {
    const saved = await snapshot();
    try {
      for (const statement of statements) await database.sql.unsafe(statement);
      return (await checkInvariants(database.sql, undefined)).find((report) => report.name === name)!;
    } finally {
      await saved.restore();
    }
  }

  async function snapshot() {
    const tables = ["event", "stock", "hold", "hold_return", "seat_claim"];
    for (const table of tables) await database.sql.unsafe(`create table saved_${table} as table inventory.${table}`);
    return {
      async restore() {
        for (const table of tables) {
          await database.sql.unsafe(`truncate inventory.${table} cascade`);
          await database.sql.unsafe(`insert into inventory.${table} table saved_${table}`);
          await database.sql.unsafe(`drop table saved_${table}`);
        }
      },
    };
  }
});
