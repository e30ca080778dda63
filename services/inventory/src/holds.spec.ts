import assert from "node:assert/strict";
import { v7 as uuid } from "uuid";
import { Code } from "@connectrpc/connect";
import { durationFromMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { RefusalReason } from "#stubs";
import type { Hold, HoldOutcome } from "#gen/boxoffice/inventory/v1/inventory";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import {
  best,
  eventRequest,
  hold,
  holdCommand,
  named,
  patient,
  places,
  publishEvent,
  seatsOf,
  startInventory,
  until,
  violationsOf,
  wordOf,
  type RunningInventory,
} from "./testing/fixture.ts";

describe("holds, over two replicas", () => {
  let database: TestDatabase;
  let replicas: [RunningInventory, RunningInventory];
  const replica = (index: number) => replicas[index % 2]!;

  before(async () => {
    database = await createTestDatabase();
    const url = database.urlOf("inventory");
    replicas = [await startInventory(url), await startInventory(url)];
  });
  after(async () => {
    await Promise.all(replicas.map((running) => running.stop()));
    await database.drop();
  });
  afterEach(async () => assert.deepEqual(await violationsOf(replica(0)), []));

  it("answers a hold with its seats, price and end", async () => {
    const eventId = await publishEvent(replica(0), { holdTtl: durationFromMs(60_000) });
    const command = holdCommand(eventId, best(2));
    const [outcome] = await hold(replica(0), command);
    assert.equal(seatsOf(outcome!), "A-1,A-2");
    assert.equal(outcome!.outcome.case, "hold");
    if (outcome!.outcome.case !== "hold") return;
    const { unitPrice, createTime, expireTime, quantity, customerId } = outcome!.outcome.value;
    assert.deepEqual([unitPrice!.currencyCode, unitPrice!.amountMinor, quantity], ["EUR", 4_500n, 2]);
    assert.equal(customerId, command.customerId);
    assert.equal(timestampDate(expireTime!).getTime() - timestampDate(createTime!).getTime(), 60_000);
  });

  it("sells 50 seats to 200 buyers exactly once", async () => {
    const eventId = await publishEvent(replica(0));
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, async (_, buyer) => (await hold(replica(buyer), holdCommand(eventId)))[0]!),
    );
    assert.deepEqual(countsOf(outcomes.map(wordOf)), { HELD: 50, SOLD_OUT: 150 });
    assert.equal(new Set(outcomes.map(seatsOf).filter(Boolean)).size, 50);
    assert.equal(await claimsOf(eventId), 50);
  });

  it("makes one hold of 100 identical requests at once, and answers all of them the same", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, best(3));
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => (await hold(replica(index), command))[0]!),
    );
    assert.deepEqual(new Set(outcomes.map(seatsOf)), new Set(["A-1,A-2,A-3"]));
    assert.equal(await claimsOf(eventId), 3);
  });

  it("gives repeats inside one call the outcome of the first", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, best(2));
    const outcomes = await hold(replica(0), command, command, { ...command, ...best(1) });
    assert.deepEqual(outcomes.map(seatsOf), ["A-1,A-2", "A-1,A-2", ""]);
    assert.deepEqual(outcomes.map(wordOf), ["HELD", "HELD", "IDEMPOTENCY_KEY_REUSED"]);
  });

  it("refuses a known key with other content, and changes nothing", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, named(["A", 1], ["A", 2]));
    await hold(replica(0), command);
    const others = [best(2), { customerId: "somebody-else" }, named(["A", 1], ["A", 3]), places(2)];
    for (const other of others) {
      const [outcome] = await hold(replica(1), { ...command, ...other });
      assert.equal(wordOf(outcome!), "IDEMPOTENCY_KEY_REUSED");
    }
    const [reordered] = await hold(replica(1), { ...command, ...named(["A", 2], ["A", 1]) });
    assert.equal(wordOf(reordered!), "HELD");
    assert.equal(await claimsOf(eventId), 2);
  });

  it("lets only one of two areas win a key that both get at once", async () => {
    const eventId = await publishEvent(replica(0));
    for (let round = 0; round < 20; round += 1) {
      const command = holdCommand(eventId);
      const outcomes = await Promise.all([hold(replica(0), command), hold(replica(1), { ...command, ...places(1) })]);
      assert.deepEqual(countsOf(outcomes.flat().map(wordOf)), { HELD: 1, IDEMPOTENCY_KEY_REUSED: 1 });
    }
  });

  it("holds nothing for a refused command", async () => {
    const eventId = await publishEvent(replica(0), { customerLimit: 4 });
    const draft = eventRequest();
    await replica(0).client.createEvent(draft, patient);
    const hour = 3_600_000;
    const inOneHour = timestampFromDate(new Date(Date.now() + hour));
    const anHourAgo = timestampFromDate(new Date(Date.now() - hour));
    const early = await publishEvent(replica(0), { saleStartTime: inOneHour });
    const late = await publishEvent(replica(0), {
      saleStartTime: timestampFromDate(new Date(Date.now() - 2 * hour)),
      saleEndTime: anHourAgo,
    });
    await hold(replica(0), holdCommand(eventId, named(["A", 3])));
    const cases: [reason: string, command: ReturnType<typeof holdCommand>][] = [
      ["NOT_FOUND", holdCommand(uuid())],
      ["NOT_FOUND", holdCommand(draft.eventId)],
      ["NOT_FOUND", holdCommand(eventId, { areaId: "nowhere" })],
      ["SALE_NOT_OPEN", holdCommand(early)],
      ["SALE_CLOSED", holdCommand(late)],
      ["INVALID_ARGUMENT", holdCommand(eventId, { ...places(1), areaId: "stalls" })],
      ["INVALID_ARGUMENT", holdCommand(eventId, { ...best(1), areaId: "floor" })],
      ["INVALID_ARGUMENT", holdCommand(eventId, best(0))],
      ["INVALID_ARGUMENT", holdCommand(eventId, best(2 ** 31 - 1))],
      ["INVALID_ARGUMENT", holdCommand(eventId, named(["A", 1], ["A", 1]))],
      ["INVALID_ARGUMENT", holdCommand(eventId, named(["Z", 1]))],
      ["INVALID_ARGUMENT", { ...holdCommand(eventId), customerId: "" }],
      ["CUSTOMER_LIMIT", holdCommand(eventId, best(5))],
      ["SEATS_UNAVAILABLE", holdCommand(eventId, named(["A", 2], ["A", 3]))],
    ];
    const before = await holdsInAll();
    const outcomes = await hold(replica(0), ...cases.map(([, command]) => command));
    assert.deepEqual(
      outcomes.map(wordOf),
      cases.map(([reason]) => reason),
    );
    assert.equal(await holdsInAll(), before);
    const refusals = outcomes.map(({ outcome }) => (outcome.case === "refusal" ? outcome.value : undefined)!);
    const refusalOf = (reason: RefusalReason) => refusals.find((refusal) => refusal.reason === reason)!;
    assert.equal(refusalOf(RefusalReason.SEATS_UNAVAILABLE).metadata["seats"], "A-3");
    assert.deepEqual(refusalOf(RefusalReason.CUSTOMER_LIMIT).metadata, { limit: "4", owned: "0" });
    const opensAt = new Date(refusalOf(RefusalReason.SALE_NOT_OPEN).metadata["sale_start_time"]!);
    assert.equal(opensAt.getTime(), timestampDate(inOneHour).getTime());
    assert.equal(refusals[7]!.violations[0]!.field, "best_available.quantity");
  });

  it("names what is left where no run is long enough or too few are free", async () => {
    const eventId = await publishEvent(replica(0));
    const outcomes = await hold(replica(0), holdCommand(eventId, best(26)), holdCommand(eventId, best(26, true)));
    assert.deepEqual(outcomes.map(wordOf), ["SEATS_UNAVAILABLE", "HELD"]);
    const [first] = outcomes;
    assert.deepEqual(first!.outcome.case === "refusal" && first!.outcome.value.metadata, {
      longest_run: "25",
      free: "50",
    });
  });

  it("keeps a customer within the limit, over areas, replicas and parallel requests", async () => {
    const eventId = await publishEvent(replica(0), { customerLimit: 5 });
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const selection = index % 3 === 0 ? places(2) : best(1);
        return (await hold(replica(index), holdCommand(eventId, { customerId: "greedy", ...selection })))[0]!;
      }),
    );
    const owned = outcomes.reduce(
      (sum, { outcome }) => sum + (outcome.case === "hold" ? outcome.value.quantity : 0),
      0,
    );
    assert.equal(owned, 5);
    assert.deepEqual(new Set(outcomes.map(wordOf)), new Set(["HELD", "CUSTOMER_LIMIT"]));
  });

  it("counts a released hold out of the limit, and a confirmed one in", async () => {
    const eventId = await publishEvent(replica(0), { customerLimit: 2 });
    const mine = (changes: object = best(1)) => holdCommand(eventId, { customerId: "buyer", ...changes });
    const [first, second] = [mine(), mine()];
    await hold(replica(0), first, second);
    await replica(0).client.confirmHolds({ keys: [keyOf(first)] }, patient);
    assert.equal(wordOf((await hold(replica(0), mine()))[0]!), "CUSTOMER_LIMIT");
    await replica(0).client.releaseHolds({ commands: [{ key: keyOf(second) }] }, patient);
    assert.equal(wordOf((await hold(replica(0), mine()))[0]!), "HELD");
  });

  it("confirms or expires a hold at its end, never both", async () => {
    const eventId = await publishEvent(replica(0), { holdTtl: durationFromMs(1_000) });
    const commands = Array.from({ length: 50 }, () => holdCommand(eventId));
    const [last] = (await hold(replica(0), ...commands)).slice(-1);
    const endsAt = endOf(last!);
    const words: string[] = [];
    for (const [index, command] of commands.entries()) {
      if (index === 25) await until(async () => (await databaseClock()) >= endsAt);
      const { outcomes } = await replica(index).client.confirmHolds({ keys: [keyOf(command)] }, patient);
      words.push(wordOf(outcomes[0]!));
    }
    assert.ok(
      words.slice(25).every((word) => word === "HOLD_EXPIRED"),
      "a lapsed hold was confirmed",
    );
    await until(async () => (await stateCounts(eventId))["held"] === undefined);
    const confirmed = words.filter((word) => word === "CONFIRMED").length;
    assert.deepEqual((await stateCounts(eventId))["confirmed"] ?? 0, confirmed);
    assert.equal(await claimsOf(eventId), confirmed);
  });

  it("stays whole while two replicas hold, confirm, extend and release at once, with holds lapsing in between", async () => {
    const eventId = await publishEvent(replica(0), { customerLimit: 12, holdTtl: durationFromMs(1_000) });
    const worker = async (index: number) => {
      const { client } = replica(index);
      for (let round = 0; round < 12; round += 1) {
        const selection = [best(2), best(3, true), places(4), named(["B", 1 + ((index * 7 + round) % 25)])][round % 4]!;
        const command = holdCommand(eventId, { customerId: `customer-${index % 6}`, ...selection });
        const key = keyOf(command);
        const [outcome] = await hold(replica(index + round), command);
        if (wordOf(outcome!) !== "HELD") continue;
        await client.extendHolds({ commands: [{ key, extendBy: durationFromMs(2_000) }] }, patient);
        if (round % 3 > 0) await client.confirmHolds({ keys: [key] }, patient);
        if (round % 3 > 1) await client.releaseHolds({ commands: [{ key, confirmedToo: true }] }, patient);
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_, index) => worker(index)));
    assert.deepEqual(await violationsOf(replica(0)), []);
    assert.ok(Object.keys(await stateCounts(eventId)).includes("refunded"));
  });

  it("releases a confirmed hold only for a refund, and then sells its seat again", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, named(["A", 1]));
    const key = keyOf(command);
    await hold(replica(0), command);
    await replica(0).client.confirmHolds({ keys: [key, key] }, patient);
    const release = async (confirmedToo: boolean) =>
      (await replica(1).client.releaseHolds({ commands: [{ key, confirmedToo }] }, patient)).outcomes[0]!;
    const refused = await release(false);
    assert.equal(wordOf(refused), "WRONG_STATE");
    assert.deepEqual(refused.outcome.case === "refusal" && refused.outcome.value.metadata, { state: "CONFIRMED" });
    assert.deepEqual([wordOf(await release(true)), wordOf(await release(true))], ["REFUNDED", "REFUNDED"]);
    assert.equal(wordOf((await hold(replica(0), holdCommand(eventId, named(["A", 1]))))[0]!), "HELD");
  });

  it("keeps the seats of a refunded hold from sale where that is asked for, numbered ones and places", async () => {
    const eventId = await publishEvent(replica(0));
    const commands = [holdCommand(eventId, named(["A", 1], ["A", 2])), holdCommand(eventId, places(3))];
    await hold(replica(0), ...commands);
    await replica(0).client.confirmHolds({ keys: commands.map(keyOf) }, patient);
    const refund = async (keepBlocked: boolean) => {
      const releases = commands.map((command) => ({ key: keyOf(command), confirmedToo: true, keepBlocked }));
      return (await replica(1).client.releaseHolds({ commands: releases }, patient)).outcomes.map(wordOf);
    };
    assert.deepEqual(await refund(true), ["REFUNDED", "REFUNDED"]);
    // What was decided once stays so.
    assert.deepEqual(await refund(false), ["REFUNDED", "REFUNDED"]);
    const { areas } = await replica(0).client.getAvailability({ eventId }, patient);
    assert.deepEqual(
      areas.map(({ areaId, free, sold, blocked }) => [areaId, free, sold, blocked]),
      [
        ["stalls", 48, 0, 2],
        ["floor", 47, 0, 3],
      ],
    );
    assert.ok(areas[0]!.rows[0]!.seats.startsWith("BBF"));
    assert.equal(wordOf((await hold(replica(0), holdCommand(eventId, named(["A", 1]))))[0]!), "SEATS_UNAVAILABLE");
    assert.equal(await claimsOf(eventId), 0);
    assert.deepEqual(await violationsOf(replica(0)), []);
  });

  it("gives parts of a confirmed hold back, seats and places, free or blocked, and the customer's limit with them", async () => {
    const eventId = await publishEvent(replica(0), { customerLimit: 4 });
    const [seats, floor] = [holdCommand(eventId, named(["A", 1], ["A", 2], ["A", 3])), holdCommand(eventId, places(4))];
    await hold(replica(0), seats, floor);
    await replica(0).client.confirmHolds({ keys: [seats, floor].map(keyOf) }, patient);
    const keep = async (command: typeof seats, remainder: object, keepBlocked = false, by = replica(0)) => {
      const release = { key: keyOf(command), confirmedToo: true, keepBlocked, remainder };
      const { outcomes } = await by.client.releaseHolds({ commands: [release] }, patient);
      const left = outcomes[0]!.outcome.value as Hold;
      return `${wordOf(outcomes[0]!)} ${left.quantity} ${seatsOf(outcomes[0]!)}`.trim();
    };
    const seat = (number: number) => ({ row: "A", number });
    assert.equal(await keep(seats, { seats: [seat(1), seat(3)] }), "CONFIRMED 2 A-1,A-3");
    assert.equal(await keep(seats, { seats: [seat(1), seat(3)] }, true, replica(1)), "CONFIRMED 2 A-1,A-3");
    assert.equal(await keep(seats, { seats: [seat(3)] }, true), "CONFIRMED 1 A-3");
    // Late, behind one that left less: nothing comes back to it.
    assert.equal(await keep(seats, { seats: [seat(1), seat(3)] }), "CONFIRMED 1 A-3");
    assert.equal(await keep(floor, { places: 1 }), "CONFIRMED 1");
    assert.equal(await keep(floor, { places: 3 }, false, replica(1)), "CONFIRMED 1");
    const { areas } = await replica(0).client.getAvailability({ eventId }, patient);
    assert.deepEqual(
      areas.map(({ areaId, free, sold, blocked }) => [areaId, free, sold, blocked]),
      [
        ["stalls", 48, 1, 1],
        ["floor", 49, 1, 0],
      ],
    );
    assert.ok(areas[0]!.rows[0]!.seats.startsWith("BFS"));
    assert.equal(await claimsOf(eventId), 1);
    const next = holdCommand(eventId, named(["A", 2]));
    assert.equal(wordOf((await hold(replica(0), next))[0]!), "HELD");
    const more = { ...holdCommand(eventId, places(3)), customerId: floor.customerId };
    assert.equal(wordOf((await hold(replica(1), more))[0]!), "HELD");
    assert.equal(await keep(seats, { seats: [] }), "REFUNDED 1 A-3");
  });

  it("refuses a remainder that is not of the hold's area, and gives nothing back", async () => {
    const eventId = await publishEvent(replica(0));
    const [seats, floor] = [holdCommand(eventId, named(["A", 1], ["A", 2])), holdCommand(eventId, places(2))];
    await hold(replica(0), seats, floor);
    await replica(0).client.confirmHolds({ keys: [seats, floor].map(keyOf) }, patient);
    const seat = { row: "A", number: 1 };
    const commands = [
      { key: keyOf(seats), remainder: { seats: [seat, { row: "Z", number: 1 }] } },
      { key: keyOf(seats), remainder: { seats: [{ row: "A", number: 0 }] } },
      { key: keyOf(seats), remainder: { places: 1 } },
      { key: keyOf(floor), remainder: { places: 1, seats: [seat] } },
    ].map((command) => ({ ...command, confirmedToo: true }));
    const { outcomes } = await replica(0).client.releaseHolds({ commands }, patient);
    assert.deepEqual(
      outcomes.map(wordOf),
      commands.map(() => "INVALID_ARGUMENT"),
    );
    const { areas } = await replica(0).client.getAvailability({ eventId }, patient);
    assert.deepEqual(
      areas.map(({ sold }) => sold),
      [2, 2],
    );
  });

  it("decides parts of one hold one after the other, also within a batch", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, places(10));
    await hold(replica(0), command);
    await replica(0).client.confirmHolds({ keys: [keyOf(command)] }, patient);
    const commands = [9, 7, 8, 4].map((left) => ({
      ...{ key: keyOf(command), confirmedToo: true, keepBlocked: left % 2 === 1 },
      remainder: { places: left },
    }));
    const { outcomes } = await replica(0).client.releaseHolds({ commands }, patient);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.outcome.value as Hold).quantity),
      [9, 7, 7, 4],
    );
    const { areas } = await replica(0).client.getAvailability({ eventId }, patient);
    assert.deepEqual([areas[1]!.free, areas[1]!.sold, areas[1]!.blocked], [43, 4, 3]);
  });

  it("takes no part of a hold that is not confirmed: it is given back whole", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, places(3));
    await hold(replica(0), command);
    const release = { key: keyOf(command), confirmedToo: true, remainder: { places: 1 } };
    const { outcomes } = await replica(0).client.releaseHolds({ commands: [release] }, patient);
    assert.equal(wordOf(outcomes[0]!), "RELEASED");
    const { areas } = await replica(0).client.getAvailability({ eventId }, patient);
    assert.equal(areas[1]!.free, 50);
  });

  it("frees the seats of a hold that was never confirmed, whatever is asked for a confirmed one", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId);
    await hold(replica(0), command);
    const release = { key: keyOf(command), confirmedToo: true, keepBlocked: true };
    const { outcomes } = await replica(1).client.releaseHolds({ commands: [release] }, patient);
    assert.equal(wordOf(outcomes[0]!), "RELEASED");
    const { areas } = await replica(0).client.getAvailability({ eventId }, patient);
    assert.deepEqual([areas[0]!.free, areas[0]!.blocked], [50, 0]);
  });

  it("extends a hold, and refuses one without a time, one that is malformed and one that is unknown", async () => {
    const eventId = await publishEvent(replica(0), { holdTtl: durationFromMs(30_000) });
    const command = holdCommand(eventId);
    const [made] = await hold(replica(0), command);
    const extendBy = durationFromMs(60_000);
    const { outcomes } = await replica(0).client.extendHolds(
      {
        commands: [
          { key: keyOf(command), extendBy },
          { key: keyOf(command) },
          { key: { eventId, holdId: "no uuid" }, extendBy },
          { key: { eventId, holdId: uuid() }, extendBy },
        ],
      },
      patient,
    );
    assert.deepEqual(outcomes.map(wordOf), ["HELD", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "NOT_FOUND"]);
    assert.ok(endOf(outcomes[0]!) > endOf(made!));
  });

  it("reads holds one by one, whatever the case of their ids", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, places(2));
    await hold(replica(0), { ...command, eventId: eventId.toUpperCase() });
    const { outcomes } = await replica(1).client.getHolds(
      {
        keys: [
          { eventId, holdId: command.holdId.toUpperCase() },
          { eventId, holdId: "" },
          { eventId, holdId: uuid() },
        ],
      },
      patient,
    );
    assert.deepEqual(outcomes.map(wordOf), ["HELD", "INVALID_ARGUMENT", "NOT_FOUND"]);
    assert.deepEqual((await replica(1).client.getHolds({ keys: [] }, patient)).outcomes, []);
  });

  it("takes 500 items in a call and refuses one more", async () => {
    const eventId = await publishEvent(replica(0));
    const commands = Array.from({ length: 500 }, () => holdCommand(eventId));
    assert.deepEqual(countsOf((await hold(replica(0), ...commands)).map(wordOf)), { HELD: 50, SOLD_OUT: 450 });
    await assert.rejects(hold(replica(0), ...commands, holdCommand(eventId)), { code: Code.InvalidArgument });
  });

  async function claimsOf(eventId: string): Promise<number> {
    const [row] = await database.sql<{ count: number }[]>`
      select count(*) from inventory.seat_claim where event_id = ${eventId}`;
    return row!.count;
  }

  async function holdsInAll(): Promise<number> {
    const [row] = await database.sql<{ count: number }[]>`select count(*) from inventory.hold`;
    return row!.count;
  }

  async function stateCounts(eventId: string): Promise<Record<string, number>> {
    const rows = await database.sql<{ state: string; count: number }[]>`
      select state, count(*) from inventory.hold where event_id = ${eventId} group by state`;
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  async function databaseClock(): Promise<number> {
    const [row] = await database.sql<{ now: Date }[]>`select clock_timestamp() as now`;
    return row!.now.getTime();
  }
});

function keyOf({ eventId, holdId }: { eventId: string; holdId: string }) {
  return { eventId, holdId };
}

// When the hold of an outcome lapses, in epoch milliseconds.
function endOf({ outcome }: HoldOutcome): number {
  return outcome.case === "hold" ? timestampDate(outcome.value.expireTime!).getTime() : 0;
}

function countsOf(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
