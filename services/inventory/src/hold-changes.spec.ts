import assert from "node:assert/strict";
import { v7 as uuid } from "uuid";
import { durationFromMs, timestampDate } from "@bufbuild/protobuf/wkt";
import type { HoldOutcome } from "#gen/boxoffice/inventory/v1/inventory";
import {
  best,
  hold,
  holdCommand,
  keyOf,
  named,
  patient,
  places,
  publishEvent,
  until,
  violationsOf,
  wordOf,
} from "./testing/fixture.ts";
import { startPair, type Pair } from "./testing/pair.ts";

describe("holds in their life, over two replicas", () => {
  let pair: Pair;
  const replica = (index: number) => pair.replica(index);

  before(async () => {
    pair = await startPair();
  });
  after(() => pair.end());
  afterEach(async () => assert.deepEqual(await violationsOf(replica(0)), []));

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
    await until(async () => (await pair.stateCounts(eventId))["held"] === undefined);
    const confirmed = words.filter((word) => word === "CONFIRMED").length;
    assert.deepEqual((await pair.stateCounts(eventId))["confirmed"] ?? 0, confirmed);
    assert.equal(await pair.claimsOf(eventId), confirmed);
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
    assert.ok(Object.keys(await pair.stateCounts(eventId)).includes("refunded"));
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

  async function databaseClock(): Promise<number> {
    const [row] = await pair.sql<{ now: Date }[]>`select clock_timestamp() as now`;
    return row!.now.getTime();
  }
});

// When the hold of an outcome lapses, in epoch milliseconds.
function endOf({ outcome }: HoldOutcome): number {
  return outcome.case === "hold" ? timestampDate(outcome.value.expireTime!).getTime() : 0;
}
