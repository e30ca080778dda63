import assert from "node:assert/strict";
import { v4 as uuidv4, v7 as uuidv7 } from "uuid";
import { disagreements, type RunKind, type Told } from "./check.ts";
import { resetDatabase, settleDatabase } from "./database.ts";
import { createTestDatabase, type TestDatabase } from "../test/support/database.ts";

describe("the check of a run", () => {
  let database: TestDatabase;
  let eventId: string;
  let ids: string[];

  before(async () => (database = await createTestDatabase()));
  after(() => database.drop());

  // An area of ten seats, of which two holds have two each.
  beforeEach(async () => {
    const { sql } = database;
    eventId = uuidv7();
    ids = [uuidv7(), uuidv7()];
    await sql`
      insert into inventory.stock (event_id, area_id, capacity, free, held, sold, blocked, seat_map)
      values (${eventId}, 'stalls', 10, 6, 4, 0, 0, '\\x550000')`;
    for (const [index, id] of ids.entries()) await plantHold(id, [2 * index, 2 * index + 1]);
  });

  async function plantHold(id: string, seats: number[]): Promise<void> {
    const { sql } = database;
    await sql`
      insert into inventory.hold
        (event_id, hold_id, area_id, customer_id, quantity, seats, selection, created_at, expires_at)
      values (${eventId}, ${id}, 'stalls', 'customer', ${seats.length}, ${seats}, 'best', now(), now() + interval '1 hour')`;
    await sql`
      insert into inventory.seat_claim (event_id, area_id, seat, hold_id)
      select ${eventId}, 'stalls', seat, ${id} from unnest(${seats}::int[]) as seat on conflict do nothing`;
    await sql`
      insert into reservation.reservation
        (event_id, reservation_id, customer_id, area_id, quantity, seats, unit_price_minor, currency, phase, hold_expires_at)
      values (${eventId}, ${id}, 'customer', 'stalls', ${seats.length}, '', 2500, 'EUR', 1, now() + interval '1 hour')`;
  }

  async function plantPayment(id: string): Promise<void> {
    const { sql } = database;
    const paymentId = uuidv4();
    await sql`update inventory.hold set state = 'confirmed' where hold_id = ${id}`;
    await sql`
      update reservation.reservation set phase = 5, payment_id = ${paymentId}, confirmed_at = now()
      where reservation_id = ${id}`;
    await sql`
      insert into payment.payment
        (event_id, payment_id, state, reservation_id, customer_id, amount_minor, currency_code, request_hash, provider,
         authorization_ref, capture_ref)
      values (${eventId}, ${paymentId}, 5, ${id}, 'customer', 5000, 'EUR', '\\x00', 'sandbox', 'auth', 'capture')`;
    await sql`
      insert into payment.ledger_transaction (event_id, payment_id, kind) values (${eventId}, ${paymentId}, 'capture')`;
    await sql`
      insert into payment.ledger_entry (event_id, payment_id, kind, account, currency_code, amount_minor) values
        (${eventId}, ${paymentId}, 'capture', 'provider_receivable', 'EUR', 5000),
        (${eventId}, ${paymentId}, 'capture', 'ticket_sales', 'EUR', -5000)`;
  }

  const check = (told: Partial<Told> = {}, kind?: RunKind) =>
    disagreements(database.sql, [eventId], { okIds: ids, unknown: 0, ...told }, kind);

  it("finds nothing where buyers were told the truth", async () => assert.deepEqual(await check(), []));

  it("finds an acknowledged id that is not in the database", async () => {
    assert.match((await check({ okIds: [...ids, uuidv7()] })).join(), /1 acknowledged reservations are not/);
  });

  it("finds an acknowledged hold whose reservation was never written", async () => {
    await database.sql`delete from reservation.reservation where reservation_id = ${ids[0]!}`;
    assert.match((await check()).join(), /1 acknowledged reservations are not/);
  });

  it("finds a hold behind a refusal", async () => {
    assert.match((await check({ okIds: ids.slice(1) })).join(), /a refusal holds seats/);
  });

  it("allows a hold behind an answer that was lost", async () => {
    assert.deepEqual(await check({ okIds: ids.slice(1), unknown: 1 }), []);
  });

  it("finds a seat with two owners", async () => {
    await plantHold(uuidv7(), [3]);
    assert.match((await check({ unknown: 1 })).join(), /1 seats have two owners/);
  });

  it("finds areas that count other seats than the holds have", async () => {
    await database.sql`update inventory.stock set free = 8, held = 2 where event_id = ${eventId}`;
    assert.match((await check()).join(), /areas say 2 seats are taken, holds say 4/);
  });

  it("finds a seat without its claim", async () => {
    await database.sql`delete from inventory.seat_claim where event_id = ${eventId} and seat = 0`;
    assert.match((await check()).join(), /3 seats are claimed, holds say 4/);
  });

  it("finds an id that was acknowledged twice", async () => {
    assert.match((await check({ okIds: [...ids, ids[0]!] })).join(), /acknowledged twice/);
  });

  it("finds a hold that ended, unless holds may end", async () => {
    await database.sql`update inventory.hold set state = 'expired' where hold_id = ${ids[0]!}`;
    await database.sql`delete from inventory.seat_claim where hold_id = ${ids[0]!}`;
    await database.sql`update inventory.stock set free = 8, held = 2 where event_id = ${eventId}`;
    assert.match((await check()).join(), /1 holds have ended/);
    assert.deepEqual(await check({}, { holdsMayEnd: true }), []);
  });

  it("finds nothing where what was paid is confirmed, captured and posted", async () => {
    await plantPayment(ids[0]!);
    assert.deepEqual(await check({ okIds: [ids[0]!] }, { paid: true }), []);
  });

  it("finds an acknowledged checkout that was not captured", async () => {
    assert.match((await check({}, { paid: true })).join(), /2 acknowledged checkouts are not confirmed/);
  });

  it("finds a capture that nobody was told of", async () => {
    await plantPayment(ids[0]!);
    assert.match((await check({ okIds: [] }, { paid: true })).join(), /1 payments were captured, 0 were acknowledged/);
  });

  it("is of the run's own events", async () => {
    await database.sql`update inventory.stock set free = 8, held = 2 where event_id = ${eventId}`;
    assert.deepEqual(await disagreements(database.sql, [uuidv7()], { okIds: [], unknown: 0 }), []);
  });

  it("begins on a database that was emptied, the ledger too", async () => {
    await plantPayment(ids[0]!);
    await resetDatabase(database.sql);
    await settleDatabase(database.sql);
    const [left] = await database.sql`
      select (select count(*) from inventory.hold) as holds, (select count(*) from payment.ledger_entry) as entries,
        (select count(*) from inventory.migration) > 0 as migrated`;
    assert.deepEqual({ ...left }, { holds: 0, entries: 0, migrated: true });
  });
});
