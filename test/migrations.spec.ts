// Migrations that carry data over: a schema is put back to an older version, filled as its services did then, and brought
// forward again.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrate } from "#shared/migrate";
import { createSql } from "#shared/sql";
import { migrateAll, type SchemaName } from "#stack/schemas";
import { createInvariantStore } from "../services/payment/src/store-invariants.ts";
import { createRefundStore } from "../services/payment/src/store-refunds.ts";
import { createRepaymentStore } from "../services/payment/src/store-repayments.ts";
import { auditBookings } from "../services/reservation/src/store/audit.ts";
import { createTestDatabase, rolePassword, type TestDatabase } from "./support/database.ts";

describe("migrations", () => {
  let database: TestDatabase;
  beforeEach(async () => (database = await createTestDatabase()));
  afterEach(() => database.drop());

  /** Puts a schema back, empty, to the version of this number. */
  async function rewind(schema: SchemaName, version: number): Promise<void> {
    const all = fileURLToPath(new URL(`../services/${schema}/migrations`, import.meta.url));
    const dir = await mkdtemp(join(tmpdir(), "boxoffice-migrations-"));
    const names = (await readdir(all)).toSorted().slice(0, version);
    for (const name of names) await copyFile(join(all, name), join(dir, name));
    await database.sql.unsafe(`drop schema ${schema} cascade`);
    await migrate(database.sql, { schema, role: `boxoffice_${schema}`, dir, password: rolePassword });
    await rm(dir, { recursive: true });
  }

  it("leave no constraint that is not validated", async () => {
    const open = await database.sql<{ name: string }[]>`
      select conrelid::regclass || ' ' || conname as name from pg_constraint where not convalidated`;
    assert.deepEqual(
      open.map(({ name }) => name),
      [],
    );
  });

  it("of payment owe again what had failed before that was known to the ledger", async () => {
    await rewind("payment", 6);
    const { sql } = database;
    const key = { eventId: randomUUID(), paymentId: randomUUID() };
    const { eventId, paymentId } = key;
    await sql`
      insert into payment.payment (event_id, payment_id, state, reservation_id, customer_id, amount_minor, currency_code,
        request_hash, provider, authorization_ref, capture_ref, refunded_minor, returned_minor)
      values (${eventId}, ${paymentId}, 9, ${paymentId}, 'c', 500, 'EUR', decode('00', 'hex'), 'stripe', 'pi', 'pi', 500, 500)`;
    await sql`
      insert into payment.refund (event_id, payment_id, refund_id, whole, amount_minor, returned_minor, provider_ref,
        finished_at, failed_at)
      values (${eventId}, ${paymentId}, ${paymentId}, true, 500, 500, 're', now(), now())`;
    for (const [kind, reference, debit, credit] of [
      ["capture", "", "provider_receivable", "ticket_sales"],
      ["refund", paymentId, "ticket_refunds", "provider_receivable"],
    ] as const) {
      await sql`
        insert into payment.ledger_transaction (event_id, payment_id, kind, reference)
        values (${eventId}, ${paymentId}, ${kind}, ${reference})`;
      await sql`
        insert into payment.ledger_entry (event_id, payment_id, kind, reference, account, currency_code, amount_minor)
        values (${eventId}, ${paymentId}, ${kind}, ${reference}, ${debit}, 'EUR', 500),
          (${eventId}, ${paymentId}, ${kind}, ${reference}, ${credit}, 'EUR', -500)`;
    }
    await migrateAll(database.url, rolePassword);
    const service = createSql({ url: database.urlOf("payment"), poolMax: 2, applicationName: "test" });
    const checks = await createInvariantStore(service).check(eventId);
    assert.deepEqual(
      checks.flatMap(({ name, violations }) => (violations > 0 ? name : [])),
      ["payment.nothing_refused"],
    );
    // Somebody may have paid them back otherwise: a person releases them, one by one.
    const repayments = createRepaymentStore(service);
    assert.equal((await repayments.takeDue({ claimMs: 1_000, itemsMax: 10 })).length, 0);
    await sql`update payment.refund set retry_at = now() where repays = ${paymentId}`;
    const [due] = await repayments.takeDue({ claimMs: 1_000, itemsMax: 10 });
    const refunds = createRefundStore(service);
    const { refund } = await refunds.takeUp(key, (all) => all.find(({ refundId }) => refundId === due?.refundId));
    assert.deepEqual([refund?.repays, refund?.amountMinor, refund?.refusals], [paymentId, 500, 1]);
    const { payment } = await refunds.finish(key, refund!, "re_2");
    assert.equal(payment.refundedMinor, 500);
    const [owed] =
      await sql`select sum(amount_minor)::int as sum from payment.ledger_entry where account = 'refunds_owed'`;
    assert.equal(owed!["sum"], 0);
    await service.end();
  });

  it("of payment give each refund from before a row, and keep what was posted", async () => {
    await rewind("payment", 2);
    const { sql } = database;
    const eventId = randomUUID();
    const pay = async (state: number, postings: string[]) => {
      const paymentId = randomUUID();
      await sql`
        insert into payment.payment (event_id, payment_id, state, reservation_id, customer_id, amount_minor, currency_code,
          request_hash, provider, authorization_ref, capture_ref, refund_id, refund_ref)
        values (${eventId}, ${paymentId}, ${state}, ${paymentId}, 'c', 500, 'EUR', decode('00', 'hex'), 'sandbox', 'auth', 'cap',
          ${state === 5 ? null : paymentId}, ${state === 9 ? "ref" : null})`;
      for (const kind of postings) {
        const [debit, credit] =
          kind === "capture" ? ["provider_receivable", "ticket_sales"] : ["ticket_refunds", "provider_receivable"];
        await sql`
          insert into payment.ledger_transaction (event_id, payment_id, kind) values (${eventId}, ${paymentId}, ${kind})`;
        await sql`
          insert into payment.ledger_entry (event_id, payment_id, kind, account, currency_code, amount_minor)
          values (${eventId}, ${paymentId}, ${kind}, ${debit!}, 'EUR', 500),
            (${eventId}, ${paymentId}, ${kind}, ${credit!}, 'EUR', -500)`;
      }
      return { eventId, paymentId };
    };
    await pay(5, ["capture"]);
    const refunding = await pay(8, ["capture"]);
    const refunded = await pay(9, ["capture", "refund"]);
    assert.ok((await migrateAll(database.url, rolePassword)).length > 0);

    const service = createSql({ url: database.urlOf("payment"), poolMax: 2, applicationName: "test" });
    const broken = async () =>
      (await createInvariantStore(service).check(eventId)).flatMap(({ name, violations }) =>
        violations > 0 ? name : [],
      );
    assert.deepEqual(await broken(), []);
    const refunds = createRefundStore(service);
    const part = { amountMinor: 500, returnedMinor: 500 };
    const again = await refunds.begin({ ...refunded, refundId: refunded.paymentId, part });
    assert.deepEqual([again.decision.kind, again.payment?.refundedMinor], ["answer", 500]);
    // A caller that names amounts by now goes on with what it began without them.
    const open = await refunds.begin({ ...refunding, refundId: refunding.paymentId, part });
    assert.equal(open.decision.kind, "ask");
    await refunds.finish(refunding, open.decision.refund, "ref");
    assert.deepEqual(await broken(), []);
    await service.end();
  });

  it("of payment ask about the fees of what was captured before, once", async () => {
    await rewind("payment", 7);
    const { sql } = database;
    const eventId = randomUUID();
    const pay = async (state: number, amountMinor: number) => {
      const paymentId = randomUUID();
      await sql`
        insert into payment.payment (event_id, payment_id, state, reservation_id, customer_id, amount_minor, currency_code,
          request_hash, provider, authorization_ref, capture_ref)
        values (${eventId}, ${paymentId}, ${state}, ${paymentId}, 'c', ${amountMinor}, 'EUR', decode('00', 'hex'), 'sandbox',
          'auth', ${state === 5 ? "cap" : null})`;
      return paymentId;
    };
    const captured = await pay(5, 500);
    // Neither what is not captured nor what cost nothing.
    await pay(2, 500);
    await pay(5, 0);
    await migrateAll(database.url, rolePassword);
    const due = await sql`select payment_id, asks from payment.fee_due`;
    assert.deepEqual([...due], [{ payment_id: captured, asks: 0 }]);
  });

  it("of reservation keep the latest transfer of each ticket, with its time where a revocation has not taken it", async () => {
    await rewind("reservation", 7);
    const { sql } = database;
    const ids = { eventId: randomUUID(), reservationId: randomUUID() };
    await sql`
      insert into reservation.reservation (event_id, reservation_id, customer_id, area_id, quantity, seats,
        unit_price_minor, currency, phase, payment_id, confirmed_at, hold_expires_at)
      values (${ids.eventId}, ${ids.reservationId}, 'buyer', 'floor', 3, '', 100, 'EUR', 5, ${randomUUID()}, now(), now())`;
    await sql`
      insert into reservation.ticket (event_id, reservation_id, place, area_id, customer_id, previous_customer_id, epoch,
        revoked_at, revoke_reason)
      values (${ids.eventId}, ${ids.reservationId}, 1, 'floor', 'buyer', null, 1, null, null),
        (${ids.eventId}, ${ids.reservationId}, 2, 'floor', 'third', 'second', 3, null, null),
        (${ids.eventId}, ${ids.reservationId}, 3, 'floor', 'second', 'buyer', 3, now(), 'lost')`;
    await migrateAll(database.url, rolePassword);
    const rows = await sql<{ place: number; epoch: number; giver: string; receiver: string; timed: boolean }[]>`
      select t.place, f.epoch, f.customer_id as giver, f.receiver_id as receiver, f.transferred_at = t.epoch_at as timed
      from reservation.transfer f join reservation.ticket t using (event_id, ticket_id)
      order by t.place`;
    assert.deepEqual(
      rows.map(({ place, epoch, giver, receiver, timed }) => [place, epoch, giver, receiver, timed]),
      [
        [2, 2, "second", "third", true],
        [3, 1, "buyer", "second", null],
      ],
    );
  });

  it("of reservation keep a transfer that a replica of the build before makes between them, once", async () => {
    await rewind("reservation", 8);
    const ids = { eventId: randomUUID(), reservationId: randomUUID() };
    const service = createSql({ url: database.urlOf("reservation"), poolMax: 1, applicationName: "test" });
    await service`
      insert into reservation.reservation (event_id, reservation_id, customer_id, area_id, quantity, seats,
        unit_price_minor, currency, phase, payment_id, confirmed_at, hold_expires_at)
      values (${ids.eventId}, ${ids.reservationId}, 'buyer', 'floor', 1, '', 100, 'EUR', 5, ${randomUUID()}, now(), now())`;
    await service`
      insert into reservation.ticket (event_id, reservation_id, place, area_id, customer_id)
      values (${ids.eventId}, ${ids.reservationId}, 1, 'floor', 'buyer')`;
    await service`
      update reservation.ticket
      set customer_id = 'friend', previous_customer_id = 'buyer', epoch = 2, epoch_at = clock_timestamp()`;
    await migrateAll(database.url, rolePassword);
    const rows = await service`
      select f.epoch, f.customer_id, f.receiver_id, f.transferred_at = t.epoch_at as timed
      from reservation.transfer f join reservation.ticket t using (event_id, ticket_id)`;
    assert.deepEqual([...rows], [{ epoch: 1, customer_id: "buyer", receiver_id: "friend", timed: true }]);
    await service.end();
  });

  it("of reservation give each refund from before a row with what it paid back", async () => {
    await rewind("reservation", 3);
    const { sql } = database;
    const eventId = randomUUID();
    const book = async (phase: number, { byOrganiser = false } = {}) => {
      const id = randomUUID();
      await sql`
        insert into reservation.reservation (event_id, reservation_id, customer_id, area_id, quantity, seats,
          unit_price_minor, currency, phase, payment_id, refund_id, keep_blocked, confirmed_at, hold_expires_at,
          next_attempt_at)
        values (${eventId}, ${id}, 'customer', 'floor', 2, '', 100, 'EUR', ${phase}, ${id}, ${phase === 5 ? null : id},
          ${byOrganiser}, now(), now(), ${phase === 6 ? new Date() : null})`;
      await sql`
        insert into reservation.checkout (event_id, reservation_id, idempotency_key, payment_id, token_digest, outcome)
        values (${eventId}, ${id}, 'k', ${id}, '', 1)`;
      await sql`
        insert into reservation.ticket (event_id, reservation_id, place, area_id, customer_id, revoked_at, revoke_reason)
        select ${eventId}, ${id}, place, 'floor', 'customer', ${phase === 5 ? null : new Date()},
          ${phase === 5 ? null : "refunded"}
        from generate_series(1, 2) as place`;
      if (byOrganiser) {
        await sql`
          insert into reservation.refund (event_id, refund_id, reservation_id, reason, keep_blocked, requested_by)
          values (${eventId}, ${id}, ${id}, 'off', true, 'organiser')`;
      }
      return id;
    };
    await book(5);
    const [cancelled, refunding] = [await book(7), await book(6, { byOrganiser: true })];
    await migrateAll(database.url, rolePassword);

    const service = createSql({ url: database.urlOf("reservation"), poolMax: 2, applicationName: "test" });
    const bookings = await auditBookings(service, { eventId, after: undefined, limit: 10 });
    assert.equal(bookings.length, 3);
    for (const { miscounted, mistaken, contradictory, backwards } of bookings) {
      assert.deepEqual(
        { miscounted, mistaken, contradictory, backwards },
        {
          ...{ miscounted: false, mistaken: false, contradictory: false, backwards: false },
        },
      );
    }
    const rows = await service<{ id: string; by: string; blocked: boolean; minor: number; ended: boolean }[]>`
      select reservation_id as id, requested_by as by, keep_blocked as blocked, amount_minor as minor,
        ended_at is not null as ended
      from reservation.refund where event_id = ${eventId} order by requested_by`;
    assert.deepEqual(
      rows.map(({ id, by, blocked, minor, ended }) => [id, by, blocked, minor, ended]),
      [
        [cancelled, "customer", false, 200, true],
        [refunding, "organiser", true, 200, false],
      ],
    );
    await service.end();
  });
});
