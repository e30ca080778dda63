// A run that was slow writes that the customer has to act, after another run has written that they have.

import assert from "node:assert/strict";
import { v4 as uuidv4 } from "uuid";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { Phase, type Booking } from "../domain/booking.ts";
import { applyMoves, type Move } from "./apply-moves.ts";
import { readBooking } from "./read-bookings.ts";

const nextActionUrl = "https://bank.example/act";

describe("that a booking waits for its customer", () => {
  let database: TestDatabase;
  let sql: Sql;
  before(async () => {
    database = await createTestDatabase();
    sql = createSql({ url: database.urlOf("reservation"), poolMax: 1, applicationName: "test" });
  });
  after(async () => {
    await sql.end();
    await database.drop();
  });

  const begin = async () => {
    const key = { eventId: uuidv4(), reservationId: uuidv4(), customerId: "customer" };
    await sql`
      insert into reservation.reservation (event_id, reservation_id, customer_id, area_id, quantity, seats,
        unit_price_minor, currency, phase, payment_id, payment_method_token, hold_expires_at, next_attempt_at)
      values (${key.eventId}, ${key.reservationId}, ${key.customerId}, 'stalls', 1, 'A:1', 100, 'EUR', ${Phase.authorizing},
        gen_random_uuid(), 'tok', now() + interval '10 minutes', now())`;
    return (await readBooking(sql, key))!;
  };
  const write = async (from: Booking, step: Pick<Move, "nextActionUrl" | "hasActed">) =>
    (await applyMoves(sql, [{ from, to: from.phase, leaseMs: 1_000, ...step }]))[0];

  it("is written by whoever read the booking as it stands", async () => {
    const waiting = await write(await begin(), { nextActionUrl });
    assert.equal(waiting?.nextActionUrl, nextActionUrl);
    assert.equal((await write(waiting, { nextActionUrl }))?.nextActionUrl, nextActionUrl);
  });

  for (const read of ["before it waited", "while it waited"] as const) {
    it(`is not written once they have acted, by a run that read it ${read}`, async () => {
      const begun = await begin();
      const waiting = (await write(begun, { nextActionUrl }))!;
      const acted = (await write(waiting, { hasActed: true }))!;
      assert.equal(await write(read === "while it waited" ? waiting : begun, { nextActionUrl }), undefined);
      assert.equal((await readBooking(sql, acted))!.nextActionUrl, null);
    });
  }
});
