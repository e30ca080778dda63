import assert from "node:assert/strict";
import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { v7 as uuid } from "uuid";
import { SeatState, StoryKind, type Story } from "#stubs";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import {
  hold,
  holdCommand,
  named,
  patient,
  places,
  publishEvent,
  startInventory,
  until,
  wordOf,
  type RunningInventory,
} from "./testing/fixture.ts";

const seat = { row: "A", number: 12 };
const kindsOf = ({ entries }: Story) => entries.map(({ kind }) => StoryKind[kind]);

describe("explaining holds and seats", () => {
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

  const holdSeat = async (eventId: string, changes: Parameters<typeof holdCommand>[1] = named(["A", 12])) => {
    const command = holdCommand(eventId, changes);
    const [outcome] = await hold(inventory, command);
    assert.equal(wordOf(outcome!), "HELD");
    return { eventId, holdId: command.holdId };
  };
  const explainHold = async ({ eventId, holdId }: { eventId: string; holdId: string }) =>
    (await inventory.client.explainHolds({ eventId, holdIds: [holdId] }, patient)).stories[0]!;
  const explainSeat = (eventId: string, of = { areaId: "stalls", seat }) =>
    inventory.client.explainSeat({ eventId, ...of }, patient);
  const confirm = (key: { eventId: string; holdId: string }) => inventory.client.confirmHolds({ keys: [key] }, patient);
  const release = (key: { eventId: string; holdId: string }, confirmedToo = false) =>
    inventory.client.releaseHolds({ commands: [{ key, confirmedToo }] }, patient);

  it("tells a hold's life with the times of its steps", async () => {
    const key = await holdSeat(await publishEvent(inventory, { holdTtl: durationFromMs(30_000) }));
    await inventory.client.extendHolds({ commands: [{ key, extendBy: durationFromMs(60_000) }] }, patient);
    assert.match((await explainHold(key)).next[0]!, /ends the hold after .* unless its seats are sold/);
    await confirm(key);
    await release(key, true);
    const story = await explainHold(key);
    assert.deepEqual(kindsOf(story), ["SEATS_HELD", "HOLD_PROLONGED", "SEATS_SOLD", "SEATS_RETURNED"]);
    const times = story.entries.map(({ time }) => timestampMs(time!));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.match(story.entries[0]!.text, /^A-12 in stalls: held for customer customer-/);
    assert.deepEqual(story.entries[0]!.ids["hold_id"], key.holdId);
    assert.deepEqual([story.next, story.gaps], [[], []]);
  });

  it("tells what a sold hold gave back, part by part, though the hold owns it no more", async () => {
    const eventId = await publishEvent(inventory);
    const key = await holdSeat(eventId, named(["A", 11], ["A", 12], ["A", 13]));
    await confirm(key);
    const giveBack = (seats: { row: string; number: number }[], keepBlocked: boolean) =>
      inventory.client.releaseHolds(
        { commands: [{ key, confirmedToo: true, keepBlocked, remainder: { seats } }] },
        patient,
      );
    const [a11, a13] = [
      { row: "A", number: 11 },
      { row: "A", number: 13 },
    ];
    await giveBack([a11, a13], true);
    await giveBack([a11, a13], true);
    const part = await explainHold(key);
    assert.equal(part.summary, "The seats are sold, but for those that came back.");
    assert.deepEqual(kindsOf(part), ["SEATS_HELD", "SEATS_SOLD", "SEATS_RETURNED"]);
    await giveBack([a11], false);
    await release(key, true);
    const { entries } = await explainHold(key);
    assert.match(entries[0]!.text, /^A-11, A-12, A-13 in stalls: held/);
    assert.deepEqual(
      entries.slice(2).map(({ text }) => text),
      [
        "A-12 in stalls: came back from the sale, to be kept from sale. The hold goes on owning 2 places.",
        "A-13 in stalls: came back from the sale, to go on sale again. The hold goes on owning 1 place.",
        "A-11 in stalls: came back from the sale, to go on sale again.",
      ],
    );
    const { state, stories } = await explainSeat(eventId);
    assert.equal(state, SeatState.BLOCKED);
    assert.deepEqual(
      stories.map(({ id }) => id),
      [key.holdId],
    );
  });

  it("keeps the first time of a step that is repeated", async () => {
    const key = await holdSeat(await publishEvent(inventory));
    await confirm(key);
    const before = await explainHold(key);
    await confirm(key);
    await release(key);
    assert.deepEqual(await explainHold(key), before);
  });

  it("tells of a hold that lapsed, before and after it is swept, and of one whose seats somebody needed", async () => {
    const eventId = await publishEvent(inventory, { holdTtl: durationFromMs(1_000) });
    const key = await holdSeat(eventId);
    await until(async () => (await explainHold(key)).summary === "The hold has lapsed.");
    await until(async () => wordOf((await hold(inventory, holdCommand(eventId, named(["A", 12]))))[0]!) === "HELD");
    const story = await explainHold(key);
    assert.deepEqual(kindsOf(story), ["SEATS_HELD", "SEATS_EXPIRED"]);
    assert.ok(story.entries[1]!.time);
  });

  it("says plainly what was not kept yet", async () => {
    const key = await holdSeat(await publishEvent(inventory));
    await confirm(key);
    await database.sql`update inventory.hold set confirmed_at = null where hold_id = ${key.holdId}`;
    const { entries, gaps } = await explainHold(key);
    assert.equal(entries[1]!.time, undefined);
    assert.match(gaps[0]!, /^The time of SEATS_SOLD is not kept/);
  });

  it("leaves unknown holds out", async () => {
    const { stories } = await inventory.client.explainHolds({ eventId: uuid(), holdIds: [uuid()] }, patient);
    assert.deepEqual(stories, []);
  });

  it("tells how a seat stands through all its owners, latest first", async () => {
    const eventId = await publishEvent(inventory);
    const stateNow = async () => SeatState[(await explainSeat(eventId)).state];
    assert.equal((await explainSeat(eventId)).summary, "A-12 in stalls is on sale: nobody ever held it.");
    const first = await holdSeat(eventId);
    assert.equal(await stateNow(), "HELD");
    await release(first);
    assert.equal((await explainSeat(eventId)).summary, "A-12 in stalls is on sale again.");
    const second = await holdSeat(eventId, { ...named(["A", 11], ["A", 12]), customerId: "buyer" });
    await confirm(second);
    await holdSeat(eventId, named(["A", 13]));

    const answer = await explainSeat(eventId);
    assert.equal(SeatState[answer.state], "SOLD");
    assert.equal(answer.summary, "A-12 in stalls is sold to customer buyer.");
    assert.equal(answer.ownerHoldId, second.holdId);
    assert.deepEqual(
      answer.stories.map(({ id }) => id),
      [second.holdId, first.holdId],
    );
    assert.equal(answer.storiesLeftOut, 0);
    assert.match(answer.gaps[0]!, /refused left no trace/);
  });

  it("tells of the latest 20 holds and how many are left out", async () => {
    const eventId = await publishEvent(inventory);
    for (let index = 0; index < 22; index += 1) await release(await holdSeat(eventId));
    const { stories, storiesLeftOut } = await explainSeat(eventId);
    assert.deepEqual([stories.length, storiesLeftOut], [20, 2]);
  });

  it("says so where a seat's rows contradict each other", async () => {
    const eventId = await publishEvent(inventory);
    const { holdId } = await holdSeat(eventId);
    await database.sql`delete from inventory.seat_claim where hold_id = ${holdId}`;
    assert.match((await explainSeat(eventId)).summary, /a promise is broken, ask CheckInvariants/);
  });

  it("refuses what is not there, and an area without numbered seats", async () => {
    const eventId = await publishEvent(inventory);
    await hold(inventory, holdCommand(eventId, places(1)));
    const codeOf = (call: Promise<unknown>) =>
      call.then(
        () => "answered",
        (error: unknown) => Code[ConnectError.from(error).code],
      );
    assert.equal(await codeOf(explainSeat(uuid())), "NotFound");
    assert.equal(await codeOf(explainSeat(eventId, { areaId: "nowhere", seat })), "NotFound");
    assert.equal(await codeOf(explainSeat(eventId, { areaId: "stalls", seat: { row: "A", number: 26 } })), "NotFound");
    assert.equal(await codeOf(explainSeat(eventId, { areaId: "floor", seat })), "InvalidArgument");
  });
});
