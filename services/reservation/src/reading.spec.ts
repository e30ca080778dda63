import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import { ReservationState, type Reservation } from "#gen/boxoffice/reservation/v1/reservation";
import {
  cancel,
  createWorld,
  holdOf,
  newIds,
  outcomeOf,
  pay,
  reserve,
  within,
  type Replica,
  type World,
} from "../test/world.ts";
import { pageTokenFromCursor, parsePageToken } from "./rpc/page-token.ts";

describe("reading reservations", () => {
  let world: World;
  let replica: Replica;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica({ SWEEPER_INTERVAL_MS: "60000" });
  });
  after(() => world.end());

  const list = (request: Parameters<Replica["client"]["listReservations"]>[0]) =>
    replica.client.listReservations(request, within);
  const idsOf = (reservations: Reservation[]) => reservations.map(({ reservationId }) => reservationId);
  const make = async (customerId: string, eventId = uuidv7()) => {
    const ids = newIds(eventId);
    await replica.client.createReservations({ commands: [holdOf(ids, customerId)] }, within);
    return ids;
  };

  it("finds the customer's own only", async () => {
    const ids = await make("reader-1");
    const get = async (customerId: string) =>
      outcomeOf((await replica.client.getReservation({ key: { ...ids, customerId } }, within)).outcome);
    assert.equal(await get("reader-1"), "HELD");
    assert.equal(await get("reader-2"), "NOT_FOUND");
    assert.deepEqual((await list({ customerId: "reader-2" })).reservations, []);
  });

  it("lists newest first, page by page, each once, though more come meanwhile", async () => {
    const made: string[] = [];
    for (let index = 0; index < 7; index += 1) made.unshift((await make("lister")).reservationId);
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await list({ customerId: "lister", pageSize: 3, pageToken });
      seen.push(...idsOf(page.reservations));
      pageToken = page.nextPageToken;
      await make("lister");
    } while (pageToken !== "");
    assert.deepEqual(seen, made);
    assert.equal((await list({ customerId: "lister" })).reservations.length, 10);
  });

  it("lists bookings made in the same instant each once", async () => {
    const commands = Array.from({ length: 50 }, () => holdOf(newIds(), "instant"));
    await replica.client.createReservations({ commands }, within);
    await world.database.sql`
      update reservation.reservation set created_at = '2026-01-01T00:00:00Z' where customer_id = 'instant'`;
    const seen = new Set<string>();
    let pageToken = "";
    do {
      const page = await list({ customerId: "instant", pageSize: 7, pageToken });
      for (const id of idsOf(page.reservations)) seen.add(id);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.equal(seen.size, 50);
  });

  it("filters by event and by the state that the customer sees", async () => {
    const eventId = uuidv7();
    const [held, lapsed] = [await make("chooser", eventId), await make("chooser", eventId)];
    const [given, paid] = [await make("chooser"), await make("chooser")];
    await cancel(replica, given, "chooser");
    await pay(replica, paid, { customer: "chooser" });
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp()
      where reservation_id = ${lapsed.reservationId}`;
    const { HELD, EXPIRED, CANCELLED, CONFIRMED } = ReservationState;
    const listIn = async (...states: ReservationState[]) =>
      idsOf((await list({ customerId: "chooser", states })).reservations);
    assert.deepEqual(await listIn(HELD), [held.reservationId]);
    assert.deepEqual(await listIn(EXPIRED), [lapsed.reservationId]);
    assert.deepEqual(await listIn(CANCELLED, CONFIRMED), [paid.reservationId, given.reservationId]);
    const ofEvent = await list({ customerId: "chooser", eventId: eventId.toUpperCase() });
    assert.deepEqual(idsOf(ofEvent.reservations), [lapsed.reservationId, held.reservationId]);
  });

  it("refuses page tokens that it did not make", async () => {
    const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const id = uuidv7();
    for (const pageToken of [
      "?",
      "e30",
      text([1, id]),
      text([1.5, id, id]),
      text([9e15, id, id]),
      text([1, id, "x"]),
      text([1, id, id, id]),
    ]) {
      await assert.rejects(
        list({ customerId: "lister", pageToken }),
        (error) => error instanceof ConnectError && error.code === Code.InvalidArgument,
        pageToken,
      );
    }
  });

  it("reads its own page tokens", () => {
    const cursor = { createdAtMs: 1_800_000_000_123, reservationId: uuidv7(), eventId: uuidv7() };
    assert.deepEqual(parsePageToken(pageTokenFromCursor(cursor)), cursor);
  });

  it("refuses bad requests before it looks", async () => {
    for (const call of [
      () => list({ customerId: "" }),
      () => list({ customerId: "lister", pageSize: 101 }),
      () => list({ customerId: "lister", states: [ReservationState.UNSPECIFIED] }),
      () => replica.client.getReservation({ key: { ...newIds(), eventId: "no uuid", customerId: "x" } }, within),
      () => replica.client.getReservation({}, within),
    ]) {
      await assert.rejects(call, (error) => error instanceof ConnectError && error.code === Code.InvalidArgument);
    }
  });

  it("shows a hold's end as EXPIRED before it is swept, and keeps showing it after", async () => {
    const ids = await reserve(replica);
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp() - interval '1 second'
      where reservation_id = ${ids.reservationId}`;
    const key = { ...ids, customerId: "customer-1" };
    assert.equal(outcomeOf((await replica.client.getReservation({ key }, within)).outcome), "EXPIRED");
  });
});
