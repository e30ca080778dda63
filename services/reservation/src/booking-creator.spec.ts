import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { createBatchMetrics, createMetrics } from "#shared/metrics";
import { createRefusal } from "#shared/refusal";
import { createSql } from "#shared/sql";
import { HoldOutcomeSchema, HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { CreateCommandSchema } from "#gen/boxoffice/reservation/v1/reservation";
import { down } from "../test/hooks.ts";
import { poisonedArea } from "../test/fake-inventory.ts";
import {
  cancel,
  createWorld,
  customerId,
  eventually,
  holdOf,
  newIds,
  outcomeOf,
  pay,
  reservationOf,
  reserve,
  stateNow,
  within,
  type Ids,
  type Replica,
  type World,
} from "../test/world.ts";
import { createBookingCreator } from "./booking-creator.ts";

describe("creating reservations", () => {
  let world: World;
  let replica: Replica;
  let other: Replica;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica();
    other = await world.startReplica();
  });
  beforeEach(() => {
    world.inventory.hooks.reset();
    Object.assign(world.inventory.settings, { ttlMs: 600_000, placesMax: Infinity });
  });
  after(() => world.end());

  it("answers with the reservation, its seats, price and end", async () => {
    const ids = newIds();
    const selection = {
      case: "namedSeats" as const,
      value: {
        seats: [
          { row: "B 2", number: 3 },
          { row: "B 2", number: 4 },
          { row: "C", number: 1 },
        ],
      },
    };
    const { outcomes } = await replica.client.createReservations({ commands: [{ ...holdOf(ids), selection }] }, within);
    const made = reservationOf(outcomes[0]);
    assert.equal(made.customerId, customerId);
    assert.equal(made.areaId, "stalls");
    assert.equal(made.quantity, 3);
    assert.deepEqual(
      made.seats.map(({ row, number }) => `${row}${number}`),
      ["B 23", "B 24", "C1"],
    );
    assert.equal(made.unitPrice?.currencyCode, "EUR");
    assert.equal(made.unitPrice?.amountMinor, 2_500n);
    assert.equal(made.confirmTime, undefined);
    const { outcome } = await other.client.getReservation({ key: { ...ids, customerId } }, within);
    assert.deepEqual(reservationOf(outcome), made);
  });

  it("turns 100 identical commands at once into one hold and one row, on two replicas", async () => {
    const ids = newIds();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        (index % 2 ? replica : other).client.createReservations({ commands: [holdOf(ids)] }, within),
      ),
    );
    const made = answers.map(({ outcomes }) => reservationOf(outcomes[0]));
    for (const each of made) assert.deepEqual(each, made[0]);
    const rows = await world.database.sql`
      select 1 from reservation.reservation where reservation_id = ${ids.reservationId}`;
    assert.equal(rows.length, 1);
  });

  it("lets batches through that hold the same keys in opposite orders, on two replicas at once", async () => {
    for (let round = 0; round < 5; round += 1) {
      const commands = Array.from({ length: 200 }, () => holdOf(newIds()));
      const answers = await Promise.all([
        replica.client.createReservations({ commands }, within),
        other.client.createReservations({ commands: commands.toReversed() }, within),
      ]);
      for (const { outcomes } of answers) assert.ok(outcomes.every((outcome) => outcomeOf(outcome) === "HELD"));
    }
  });

  it("answers a repeat with the reservation as it stands: confirmed, cancelled, expired", async () => {
    const repeat = async (ids: ReturnType<typeof newIds>) =>
      outcomeOf((await other.client.createReservations({ commands: [holdOf(ids)] }, within)).outcomes[0]);
    const [paid, given, lapsed] = [await reserve(replica), await reserve(replica), await reserve(replica)];
    await pay(replica, paid);
    await cancel(replica, given);
    world.inventory.lapse(lapsed.reservationId);
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp()
      where reservation_id = ${lapsed.reservationId}`;
    assert.equal(await repeat(paid), "CONFIRMED");
    assert.equal(await repeat(given), "CANCELLED");
    assert.equal(await repeat(lapsed), "EXPIRED");
  });

  it("writes the booking on a repeat when the first try died after the hold", async () => {
    const ids = newIds();
    world.inventory.hooks.after = down;
    await assert.rejects(replica.client.createReservations({ commands: [holdOf(ids)] }, within), isUnavailable);
    assert.equal(await stateNow(replica, ids), "NOT_FOUND");
    world.inventory.hooks.reset();
    await reserve(replica, ids);
    assert.equal(await stateNow(replica, ids), "HELD");
  });

  it("answers EXPIRED, for ever, when that repeat comes after the hold's end", async () => {
    const ids = newIds();
    world.inventory.hooks.after = down;
    await assert.rejects(replica.client.createReservations({ commands: [holdOf(ids)] }, within), isUnavailable);
    world.inventory.hooks.reset();
    world.inventory.lapse(ids.reservationId);
    for (const each of [replica, other]) {
      const { outcomes } = await each.client.createReservations({ commands: [holdOf(ids)] }, within);
      assert.equal(outcomeOf(outcomes[0]), "EXPIRED");
    }
  });

  it("passes inventory's refusals on, and keeps no row of them", async () => {
    world.inventory.settings.placesMax = 0;
    const ids = newIds();
    const { outcomes } = await replica.client.createReservations({ commands: [holdOf(ids)] }, within);
    assert.equal(outcomeOf(outcomes[0]), "SOLD_OUT");
    assert.equal(await stateNow(replica, ids), "NOT_FOUND");
  });

  it("reads nothing of what inventory refused beside what it held", async () => {
    const reads: string[] = [];
    const sql = createSql({ url: world.database.urlOf("reservation"), poolMax: 1, applicationName: "test" });
    const spied = new Proxy(sql, {
      apply(target, self, args: [TemplateStringsArray]) {
        if (args[0].join("").includes("from reservation.reservation")) reads.push(args[0].join(""));
        return Reflect.apply(target, self, args) as unknown;
      },
    });
    const [held, refused] = [newIds(), newIds()];
    const creator = createBookingCreator({
      sql: spied,
      metrics: createBatchMetrics(createMetrics()),
      bounds: { itemsMax: 500, inFlightMax: 4 },
      inventory: { holdSeats: async (commands) => commands.map(({ holdId }) => outcomeFor(held, holdId)) },
    });
    const caller = { deadlineAtMs: Date.now() + 5_000 };
    const created = await Promise.all(
      [held, refused].map((ids) => creator.create(create(CreateCommandSchema, holdOf(ids)), caller)),
    );
    assert.deepEqual(
      created.map(({ kind }) => kind),
      ["booking", "refused"],
    );
    assert.deepEqual(reads, []);
    await sql.end();
  });

  it("refuses another customer's key, and the same key for something else", async () => {
    const ids = await reserve(replica);
    for (const command of [holdOf(ids, "customer-2"), { ...holdOf(ids), areaId: "circle" }]) {
      const { outcomes } = await replica.client.createReservations({ commands: [command] }, within);
      assert.equal(outcomeOf(outcomes[0]), "IDEMPOTENCY_KEY_REUSED");
    }
  });

  it("never shows a booking to another customer, even if inventory did", async () => {
    const ids = await reserve(replica);
    await world.database.sql`
      update reservation.reservation set customer_id = 'customer-2' where reservation_id = ${ids.reservationId}`;
    const { outcomes } = await replica.client.createReservations({ commands: [holdOf(ids)] }, within);
    assert.equal(outcomeOf(outcomes[0]), "IDEMPOTENCY_KEY_REUSED");
  });

  it("says UNAVAILABLE, not sold out, when inventory is down", async () => {
    world.inventory.hooks.before = down;
    await assert.rejects(replica.client.createReservations({ commands: [holdOf(newIds())] }, within), isUnavailable);
  });

  it("passes on that inventory has no room, and that time ran out", async () => {
    for (const code of [Code.ResourceExhausted, Code.DeadlineExceeded]) {
      world.inventory.hooks.before = () => {
        throw new ConnectError("not now", code);
      };
      await assert.rejects(
        replica.client.createReservations({ commands: [holdOf(newIds())] }, within),
        (error) => error instanceof ConnectError && error.code === code,
      );
    }
  });

  it("refuses bad commands alone, each with its fields", async () => {
    const good = newIds();
    const { outcomes } = await replica.client.createReservations(
      {
        commands: [
          { ...holdOf(newIds()), selection: { case: "bestAvailable", value: { quantity: 0 } } },
          holdOf(good),
          { ...holdOf(newIds()), areaId: "NO SUCH" },
          { ...holdOf(newIds()), selection: { case: undefined } },
        ],
      },
      within,
    );
    assert.deepEqual(outcomes.map(outcomeOf), ["INVALID_ARGUMENT", "HELD", "INVALID_ARGUMENT", "INVALID_ARGUMENT"]);
    assert.ok(outcomes[0]?.outcome.case === "refusal");
    assert.equal(outcomes[0].outcome.value.violations[0]?.field, "best_available.quantity");
  });

  it("fails the one poisoned item of a batch, and its 499 neighbours succeed", async () => {
    const { eventId } = newIds();
    const commands = Array.from({ length: 500 }, (_, index) => ({
      ...holdOf(newIds(eventId)),
      areaId: index === 123 ? poisonedArea : "stalls",
    }));
    const { outcomes } = await replica.client.createReservations({ commands }, within);
    assert.deepEqual(
      outcomes.map(outcomeOf),
      commands.map((_, index) => (index === 123 ? "INTERNAL" : "HELD")),
    );
  });

  it("refuses more than 500 commands as a whole", async () => {
    const commands = Array.from({ length: 501 }, () => holdOf(newIds()));
    await assert.rejects(
      replica.client.createReservations({ commands }, within),
      (error) => error instanceof ConnectError && error.code === Code.InvalidArgument,
    );
  });

  it("keeps its calls to inventory below 60,000 bytes", async () => {
    const seats = Array.from({ length: 50 }, (_, index) => ({ row: "ABCDEFGHIJKLMNOP", number: index + 1 }));
    const commands = Array.from({ length: 200 }, () => ({
      ...holdOf(newIds()),
      selection: { case: "namedSeats" as const, value: { seats } },
    }));
    const { outcomes } = await replica.client.createReservations({ commands }, within);
    assert.ok(outcomes.every((outcome) => outcomeOf(outcome) === "HELD"));
    assert.ok(world.inventory.requestBytes.every((bytes) => bytes <= 60_000));
  });

  it("finds a reservation whose ids come in capital letters", async () => {
    const ids = newIds();
    const shouted = { eventId: ids.eventId.toUpperCase(), reservationId: ids.reservationId.toUpperCase() };
    await reserve(replica, shouted);
    assert.equal(await stateNow(replica, ids), "HELD");
    assert.equal(await stateNow(replica, shouted), "HELD");
  });

  it("says that inventory and reservation contradict each other when sold seats have no booking", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    await world.database.sql`delete from reservation.checkout where reservation_id = ${ids.reservationId}`;
    await world.database.sql`delete from reservation.ticket where reservation_id = ${ids.reservationId}`;
    await world.database.sql`delete from reservation.reservation where reservation_id = ${ids.reservationId}`;
    const { outcomes } = await replica.client.createReservations({ commands: [holdOf(ids)] }, within);
    assert.equal(outcomeOf(outcomes[0]), "INTERNAL");
  });

  it("recovers by itself when its database connections are cut, and keeps what it said", async () => {
    const ids = await reserve(replica);
    await world.database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and usename = 'boxoffice_reservation'`;
    const again = newIds();
    await eventually(
      () =>
        reserve(replica, again).then(
          () => true,
          () => false,
        ),
      (done) => done,
    );
    assert.equal(await stateNow(replica, again), "HELD");
    assert.equal(await stateNow(replica, ids), "HELD");
  });
});

function outcomeFor({ eventId, reservationId }: Ids, holdId: string | undefined) {
  return create(HoldOutcomeSchema, {
    outcome:
      holdId === reservationId
        ? {
            case: "hold",
            value: {
              ...{ eventId, holdId, customerId, areaId: "stalls", quantity: 2, state: HoldState.HELD },
              expireTime: timestampFromMs(Date.now() + 600_000),
              unitPrice: { currencyCode: "EUR", amountMinor: 2_500n },
            },
          }
        : { case: "refusal", value: createRefusal(RefusalReason.SOLD_OUT, "nothing is left") },
  });
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Unavailable;
}
