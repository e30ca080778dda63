// All SQL about payments up to their capture, and its posting. Every write is set-based, conditional, and one statement, so one transaction;
// every batch takes its rows in key order, so that two replicas never wait for each other in a circle.

import type { Sql } from "#shared/sql";
import type { Fee } from "./domain/fee.ts";
import { PaymentState, type Order, type Payment, type PaymentKey } from "./domain/payment.ts";
import { paymentColumns, paymentFromRow, type PaymentRow } from "./payment-row.ts";
import { waitsForDispute } from "./refund-row.ts";

/** A row to be made, unless the key has one. Without an order it is a tombstone, VOIDED from the start. */
export type Creation = PaymentKey & { order: Order | undefined; paymentMethodToken: string | undefined };

/** A change of state, if the state is still `from`. */
export type Move = PaymentKey & {
  from: PaymentState;
  to: PaymentState;
  /**
   * The provider's name for what it did; belongs to ACTION_REQUIRED, AUTHORIZED and CAPTURED, and to a move from AUTHORIZING to
   * AUTHORIZING, of which the first decides what the provider authorises.
   */
  ref: string | undefined;
  /** Where the customer has to go; belongs to ACTION_REQUIRED. */
  actionUrl: string | undefined;
  declineReason: string | undefined;
  /** What the provider keeps; belongs to CAPTURED. Undefined where it has not said so. */
  fee: Fee | undefined;
};

/** The payments in the database. Arrays go and come in the same order; undefined where there is no such payment. */
export type Store = {
  /** Makes what is not there yet. Returns each payment as it then stands. */
  create(creations: Creation[]): Promise<(Payment | undefined)[]>;
  /**
   * Moves the payments that are still in the expected state, and with them posts captures and their fees to the ledger, or
   * notes which fee is to be asked for. Of several moves of one payment the first counts. Returns each payment as it then
   * stands.
   */
  move(moves: Move[]): Promise<(Payment | undefined)[]>;
  /** Returns each payment as it stands. */
  read(keys: PaymentKey[]): Promise<(Payment | undefined)[]>;
  /** Takes up pending payments that nobody has touched for a while, longest waiting first, each on one replica only. */
  takeStale(options: { untouchedMs: number; itemsMax: number }): Promise<Payment[]>;
};

/** Returns the store. */
export function createStore(sql: Sql): Store {
  const columns = paymentColumns(sql);

  async function create(creations: Creation[]): Promise<(Payment | undefined)[]> {
    const text = (field: (order: Order) => string | number) =>
      creations.map(({ order }) => (order ? String(field(order)) : null));
    const rows = await sql<PaymentRow[]>`
      insert into payment.payment as p (
        event_id, payment_id, state, reservation_id, customer_id, area_id, amount_minor, currency_code, request_hash,
        provider, payment_method_token)
      select event_id, payment_id, state, reservation_id, customer_id, area_id, amount_minor, currency_code,
        decode(request_hash, 'hex'), provider, payment_method_token
      from unnest(
        ${creations.map(({ eventId }) => eventId)}::uuid[],
        ${creations.map(({ paymentId }) => paymentId)}::uuid[],
        ${creations.map(({ order }) => (order ? PaymentState.AUTHORIZING : PaymentState.VOIDED))}::smallint[],
        ${text((order) => order.reservationId)}::uuid[],
        ${text((order) => order.customerId)}::text[],
        ${creations.map(({ order }) => order?.areaId ?? "")}::text[],
        ${text((order) => order.amountMinor)}::bigint[],
        ${text((order) => order.currencyCode)}::text[],
        ${text((order) => order.requestHash)}::text[],
        ${text((order) => order.provider)}::text[],
        ${creations.map(({ paymentMethodToken }) => paymentMethodToken ?? null)}::text[]
      ) as c (event_id, payment_id, state, reservation_id, customer_id, area_id, amount_minor, currency_code, request_hash,
        provider, payment_method_token)
      order by event_id, payment_id
      on conflict (event_id, payment_id) do nothing
      returning ${columns}`;
    return await complete(creations, rows);
  }

  async function move(moves: Move[]): Promise<(Payment | undefined)[]> {
    const chosen = [...new Map(moves.toReversed().map((item) => [idOf(item), item])).values()];
    const rows = await sql<PaymentRow[]>`
      with asked as (
        select * from unnest(
          ${chosen.map(({ eventId }) => eventId)}::uuid[],
          ${chosen.map(({ paymentId }) => paymentId)}::uuid[],
          ${chosen.map(({ from }) => from)}::smallint[],
          ${chosen.map(({ to }) => to)}::smallint[],
          ${chosen.map(({ ref }) => ref ?? null)}::text[],
          ${chosen.map(({ actionUrl }) => actionUrl ?? null)}::text[],
          ${chosen.map(({ declineReason }) => declineReason ?? null)}::text[],
          ${chosen.map(({ fee }) => fee?.amountMinor ?? null)}::bigint[],
          ${chosen.map(({ fee }) => fee?.currencyCode ?? null)}::text[]
        ) as a (event_id, payment_id, from_state, to_state, ref, action_url, decline_reason, fee_minor, fee_currency)
      ), locked as (
        select asked.*
        from asked join payment.payment as p using (event_id, payment_id)
        where p.state = asked.from_state
        order by p.event_id, p.payment_id
        for no key update of p
      ), moved as (
        update payment.payment as p
        set state = l.to_state,
          authorization_ref = case
            when l.to_state in (2, 10) then l.ref
            when l.to_state = 1 then coalesce(p.authorization_ref, l.ref)
            else p.authorization_ref
          end,
          action_url = l.action_url,
          authorized_at = case l.to_state when 2 then clock_timestamp() else p.authorized_at end,
          capture_ref = case l.to_state when 5 then l.ref else p.capture_ref end,
          decline_reason = l.decline_reason,
          payment_method_token = case l.to_state when 1 then p.payment_method_token end,
          updated_at = clock_timestamp(),
          attempted_at = clock_timestamp()
        from locked as l
        where p.event_id = l.event_id and p.payment_id = l.payment_id and p.state = l.from_state
        returning p.*, l.fee_minor, l.fee_currency
      ), posted as (
        insert into payment.ledger_transaction (event_id, payment_id, kind, area_id)
        select event_id, payment_id, kind, area_id
        from moved cross join (values ('capture'), ('fee')) as rule (kind)
        where state = 5 and (kind = 'capture' or fee_minor > 0)
      ), entered as (
        insert into payment.ledger_entry (event_id, payment_id, kind, account, currency_code, amount_minor)
        select event_id, payment_id, kind, account, currency, minor
        from moved cross join lateral (values
          ('capture', 'provider_receivable', currency_code, amount_minor),
          ('capture', 'ticket_sales', currency_code, -amount_minor),
          ('fee', 'provider_fees', fee_currency, fee_minor),
          ('fee', 'provider_receivable', fee_currency, -fee_minor)
        ) as rule (kind, account, currency, minor)
        where state = 5 and (kind = 'capture' or fee_minor > 0)
      ), to_be_asked as (
        insert into payment.fee_due (event_id, payment_id)
        select event_id, payment_id from moved where state = 5 and fee_minor is null
      )
      select ${columns} from moved as p`;
    return await complete(moves, rows);
  }

  async function read(keys: PaymentKey[]): Promise<(Payment | undefined)[]> {
    return inOrderOf(keys, await select(keys));
  }

  async function select(keys: PaymentKey[]): Promise<PaymentRow[]> {
    return await sql<PaymentRow[]>`
      select ${columns}
      from payment.payment as p
      where (p.event_id, p.payment_id) in (
        select * from unnest(${keys.map(({ eventId }) => eventId)}::uuid[], ${keys.map(({ paymentId }) => paymentId)}::uuid[])
      )`;
  }

  // What a write did not touch is read in a statement of its own, which sees what others committed meanwhile.
  async function complete(keys: PaymentKey[], written: PaymentRow[]): Promise<(Payment | undefined)[]> {
    if (written.length === keys.length) return inOrderOf(keys, written);
    const known = new Set(written.map((row) => `${row.event_id}/${row.payment_id}`));
    const untouched = keys.filter((key) => !known.has(idOf(key)));
    return inOrderOf(keys, untouched.length === 0 ? written : [...written, ...(await select(untouched))]);
  }

  async function takeStale({ untouchedMs, itemsMax }: { untouchedMs: number; itemsMax: number }): Promise<Payment[]> {
    const rows = await sql<PaymentRow[]>`
      update payment.payment as p
      set attempted_at = clock_timestamp()
      from (
        select event_id, payment_id
        from payment.payment
        where state in (1, 4, 6, 8) and attempted_at < now() - ${untouchedMs} * interval '1 millisecond'
          and (retry_at is null or retry_at <= now())
          and (state <> 8 or exists (
            select from payment.refund as f
            where f.event_id = payment.event_id and f.payment_id = payment.payment_id and f.finished_at is null
              and f.repays is null and (f.retry_at is null or f.retry_at <= now()) and not ${waitsForDispute(sql)}))
        order by attempted_at
        limit ${itemsMax}
        for update skip locked
      ) as stale
      where p.event_id = stale.event_id and p.payment_id = stale.payment_id
      returning ${columns}`;
    return rows.map(paymentFromRow);
  }

  return { create, move, read, takeStale };
}

function inOrderOf(keys: PaymentKey[], rows: PaymentRow[]): (Payment | undefined)[] {
  const payments = new Map(rows.map((row) => [`${row.event_id}/${row.payment_id}`, paymentFromRow(row)]));
  return keys.map((key) => payments.get(idOf(key)));
}

function idOf({ eventId, paymentId }: PaymentKey): string {
  return `${eventId}/${paymentId}`;
}
