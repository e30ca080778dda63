import assert from "node:assert/strict";
import { v7 as uuid } from "uuid";
import { Code } from "@connectrpc/connect";
import { durationFromMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { RefusalReason } from "#stubs";
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
  violationsOf,
  wordOf,
} from "./testing/fixture.ts";
import { startPair, type Pair } from "./testing/pair.ts";

describe("holding seats, over two replicas", () => {
  let pair: Pair;
  const replica = (index: number) => pair.replica(index);

  before(async () => {
    pair = await startPair();
  });
  after(() => pair.end());
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
    assert.equal(await pair.claimsOf(eventId), 50);
  });

  it("makes one hold of 100 identical requests at once, and answers all of them the same", async () => {
    const eventId = await publishEvent(replica(0));
    const command = holdCommand(eventId, best(3));
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => (await hold(replica(index), command))[0]!),
    );
    assert.deepEqual(new Set(outcomes.map(seatsOf)), new Set(["A-1,A-2,A-3"]));
    assert.equal(await pair.claimsOf(eventId), 3);
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
    assert.equal(await pair.claimsOf(eventId), 2);
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

  it("takes 500 items in a call and refuses one more", async () => {
    const eventId = await publishEvent(replica(0));
    const commands = Array.from({ length: 500 }, () => holdCommand(eventId));
    assert.deepEqual(countsOf((await hold(replica(0), ...commands)).map(wordOf)), { HELD: 50, SOLD_OUT: 450 });
    await assert.rejects(hold(replica(0), ...commands, holdCommand(eventId)), { code: Code.InvalidArgument });
  });

  async function holdsInAll(): Promise<number> {
    const [row] = await pair.sql<{ count: number }[]>`select count(*) from inventory.hold`;
    return row!.count;
  }
});

function countsOf(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
