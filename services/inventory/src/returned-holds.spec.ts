import assert from "node:assert/strict";
import type { Hold } from "#gen/boxoffice/inventory/v1/inventory";
import {
  hold,
  holdCommand,
  keyOf,
  named,
  patient,
  places,
  publishEvent,
  seatsOf,
  violationsOf,
  wordOf,
} from "./testing/fixture.ts";
import { startPair, type Pair } from "./testing/pair.ts";

describe("holds that are given back, over two replicas", () => {
  let pair: Pair;
  const replica = (index: number) => pair.replica(index);

  before(async () => {
    pair = await startPair();
  });
  after(() => pair.end());
  afterEach(async () => assert.deepEqual(await violationsOf(replica(0)), []));

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
    assert.equal(await pair.claimsOf(eventId), 0);
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
    assert.equal(await pair.claimsOf(eventId), 1);
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
});
