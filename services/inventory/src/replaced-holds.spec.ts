import assert from "node:assert/strict";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import {
  hold,
  holdCommand,
  named,
  patient,
  places,
  publishEvent,
  startInventory,
  violationsOf,
  wordOf,
  type HoldInit,
  type RunningInventory,
} from "./testing/fixture.ts";

describe("a hold in place of one that lapsed, once the sale is over", () => {
  let database: TestDatabase;
  let running: RunningInventory;
  before(async () => {
    database = await createTestDatabase();
    running = await startInventory(database.urlOf("inventory"));
  });
  after(async () => {
    await running.stop();
    await database.drop();
  });
  afterEach(async () => assert.deepEqual(await violationsOf(running), []));

  /** Makes holds, lets them lapse and the sale end, and returns the event; nobody remembers its times. */
  async function holdTillTheEnd(...wishes: HoldInit[]): Promise<{ eventId: string; lapsed: HoldInit[] }> {
    const eventId = await publishEvent(running, { customerLimit: 4 });
    const lapsed = wishes.map((wish) => holdCommand(eventId, { customerId: "buyer", ...wish }));
    assert.deepEqual(
      (await hold(running, ...lapsed)).map(wordOf),
      wishes.map(() => "HELD"),
    );
    await running.stop();
    await database.sql`
      update inventory.hold
      set created_at = created_at - interval '1 hour', expires_at = clock_timestamp() - interval '1 second'
      where event_id = ${eventId}`;
    await database.sql`
      update inventory.event
      set sale_start_time = clock_timestamp() - interval '2 hours',
        sale_end_time = clock_timestamp() - interval '1 minute'
      where event_id = ${eventId}`;
    running = await startInventory(database.urlOf("inventory"));
    return { eventId, lapsed };
  }

  it("has the same seats or as many places again, says so again, and can be sold", async () => {
    const { eventId, lapsed } = await holdTillTheEnd(named(["A", 1], ["A", 2]), places(2));
    const again = lapsed.map(({ holdId, ...command }) =>
      holdCommand(eventId, { ...command, replacesHoldId: holdId!.toUpperCase() }),
    );
    assert.deepEqual((await hold(running, ...again)).map(wordOf), ["HELD", "HELD"]);
    assert.deepEqual((await hold(running, ...again)).map(wordOf), ["HELD", "HELD"]);
    const keys = again.map(({ holdId }) => ({ eventId, holdId }));
    const { outcomes } = await running.client.confirmHolds({ keys }, patient);
    assert.deepEqual(outcomes.map(wordOf), ["CONFIRMED", "CONFIRMED"]);
  });

  it("is refused to others, for other seats, beyond the limit, of seats that are taken, and in place of nothing", async () => {
    const { eventId, lapsed } = await holdTillTheEnd(named(["B", 1], ["B", 2]), named(["B", 3], ["B", 4]));
    const [first, second] = lapsed as [HoldInit, HoldInit];
    const inPlaceOf = ({ holdId, ...command }: HoldInit, changes: HoldInit = {}) =>
      holdCommand(eventId, { ...command, replacesHoldId: holdId!, ...changes });
    const cases: [reason: string, command: HoldInit][] = [
      ["SALE_CLOSED", inPlaceOf(first, { customerId: "another" })],
      ["SALE_CLOSED", inPlaceOf(first, named(["B", 1], ["B", 5]))],
      ["SALE_CLOSED", inPlaceOf(first, { replacesHoldId: eventId })],
      ["SALE_CLOSED", inPlaceOf(first, { replacesHoldId: "" })],
      ["INVALID_ARGUMENT", inPlaceOf(first, { replacesHoldId: "no uuid" })],
      ["HELD", inPlaceOf(first)],
      ["SEATS_UNAVAILABLE", inPlaceOf(first)],
      ["HELD", inPlaceOf(second)],
      ["CUSTOMER_LIMIT", inPlaceOf(second)],
    ];
    assert.deepEqual(
      (await hold(running, ...cases.map(([, command]) => command))).map(wordOf),
      cases.map(([reason]) => reason),
    );
  });
});
