// What a statement reads of many tickets, with plans that were made while the tables were empty.

import assert from "node:assert/strict";
import { v4 as uuidv4 } from "uuid";
import { indexLookupSettings } from "#shared/planner-settings";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../../../test/support/database.ts";
import { Phase } from "../../domain/booking.ts";
import { beginRefund } from "../../store/refunds.ts";
import { admitTicket, verifyTicket } from "./admissions.ts";
import { listTickets } from "./read-tickets.ts";
import { recordScans } from "./record-scans.ts";

const bookings = 3_000;
const eventId = uuidv4();
const customerId = "customer-7";

describe("among many tickets", () => {
  let database: TestDatabase;
  let sql: Sql;

  const refund = (reservationId: string) =>
    beginRefund(
      sql,
      {
        ...{ eventId, reservationId, refundId: uuidv4(), reason: "off", keepBlocked: false, requestedBy: "organiser" },
        wish: { kind: "whole" },
      },
      { asker: { kind: "organiser" }, leaseMs: 60_000 },
    );
  const bookingWithoutTickets = async () => {
    const [row] = await database.sql<{ id: string }[]>`
      insert into reservation.reservation (event_id, reservation_id, customer_id, area_id, quantity, seats,
        unit_price_minor, currency, phase, payment_id, confirmed_at, hold_expires_at)
      values (${eventId}, gen_random_uuid(), 'nobody', 'stalls', 1, 'A:1', 100, 'EUR', ${Phase.confirmed},
        gen_random_uuid(), now(), now())
      returning reservation_id as id`;
    return row!.id;
  };
  const list = () => listTickets(sql, { customerId, eventId, reservationId: undefined, after: undefined, limit: 10 });
  const code = { epoch: 1, isKeyRetired: false };
  const statements = {
    refund: async () => void (await refund(await bookingWithoutTickets())),
    list,
    verify: (ticketId: string) => verifyTicket(sql, { eventId, ticketId }, code),
    admit: (ticketId: string) =>
      admitTicket(sql, { eventId, ticketId }, code, { deviceId: "scanner", nonce: ticketId, gate: "" }),
    record: (ticketId: string) =>
      recordScans(sql, { eventId, deviceId: "offline" }, [
        { ticketId, epoch: 1, keyRetiredAt: null, nonce: ticketId, gate: "", scannedAt: new Date() },
      ]),
  };

  before(async () => {
    database = await createTestDatabase();
    sql = createSql({
      url: database.urlOf("reservation"),
      poolMax: 1,
      applicationName: "test",
      settings: indexLookupSettings,
    });
    // From the sixth time on a prepared statement may keep one plan for good.
    for (let time = 0; time < 8; time += 1) for (const ask of Object.values(statements)) await ask(uuidv4());
    await database.sql`
      with made as (
        insert into reservation.reservation (event_id, reservation_id, customer_id, area_id, quantity, seats,
          unit_price_minor, currency, phase, payment_id, confirmed_at, hold_expires_at)
        select ${eventId}::uuid, gen_random_uuid(), 'customer-' || n, 'stalls', 2, 'A:' || 2 * n || ',' || 2 * n + 1, 100,
          'EUR', ${Phase.confirmed}, gen_random_uuid(), now(), now()
        from generate_series(1, ${bookings}) as n
        returning *
      )
      insert into reservation.ticket (event_id, reservation_id, place, area_id, seat_row, seat_number, customer_id)
      select event_id, reservation_id, place, area_id, seat_row, seat_number, customer_id
      from made cross join lateral reservation.places_of(seats, quantity)`;
  });
  after(async () => {
    await sql.end();
    await database.drop();
  });

  /** Returns how many tickets `ask` reads, by index or without. */
  async function ticketsRead(ask: () => Promise<unknown>): Promise<number> {
    const count = async () => {
      await sql`select pg_stat_force_next_flush()`;
      const [row] = await sql<{ count: number }[]>`
        select (
          (select sum(idx_tup_read) from pg_stat_user_indexes where relname in ('ticket', 'admission'))
            + (select sum(seq_tup_read) from pg_stat_user_tables where relname in ('ticket', 'admission'))
        )::bigint as count`;
      return row!.count;
    };
    const before = await count();
    await ask();
    return (await count()) - before;
  }

  it("a customer's list reads the customer's own", async () => {
    const read = await ticketsRead(async () => assert.equal((await list()).length, 2));
    assert.ok(read <= 10, `${read} read`);
  });

  for (const name of ["verify", "admit", "record"] as const) {
    it(`a scan to ${name} reads the ticket that it names`, async () => {
      const [ticket] = await list();
      const read = await ticketsRead(() => statements[name](ticket!.ticketId));
      assert.ok(read <= 20, `${read} read`);
    });
  }

  it("a refund reads the tickets of its booking", async () => {
    const [{ reservationId } = { reservationId: "" }] = await list();
    const read = await ticketsRead(async () => {
      assert.equal((await refund(reservationId)).kind, "begun");
    });
    assert.ok(read <= 20, `${read} read`);
    assert.ok((await list()).every(({ revokedAt }) => revokedAt));
  });
});
