// All SQL about refunds. Each begins in a transaction of its own, with the payment locked; it ends in one statement, with
// its posting.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { PaymentState, type Payment, type PaymentKey } from "./domain/payment.ts";
import { decideRefund, type Refund, type RefundDecision, type RefundRequest } from "./domain/refund.ts";
import { pendingFirstMs, pendingLongestMs, type PendingCause } from "./domain/pending-refund.ts";
import { paymentColumns, paymentFromRow, type PaymentRow } from "./payment-row.ts";

/** A refund and its payment, as they stand. */
export type StandingRefund = { payment: Payment; refund: Refund };

/** What became of a request, and the payment as it stands then. */
export type BegunRefund = { decision: Exclude<RefundDecision, { kind: "begin" }>; payment: Payment | undefined };

/** The refunds in the database. */
export type RefundStore = {
  /** Decides a request with the payment locked, and writes the refund down where it begins. */
  begin(request: RefundRequest): Promise<BegunRefund>;
  /**
   * Writes the provider's answer, unless it is written: the refund is done, posted to the ledger, and counted in the payment.
   * Returns both as they then stand. `ref` is the provider's name for it.
   */
  finish(key: PaymentKey, refund: Refund, ref: string): Promise<StandingRefund>;
  /**
   * Writes that the provider has a refund in work, unless it is done, and when to ask again. Returns both as they then stand.
   */
  notePending(key: PaymentKey, refund: Refund, cause: PendingCause): Promise<StandingRefund>;
  /** Returns the refund of a payment whose answer is not known, if there is one. */
  readRunning(key: PaymentKey): Promise<Refund | undefined>;
  /** Counts the refunds that are pending, by cause; a cause of which there is none is left out. */
  countPending(): Promise<{ cause: PendingCause; count: number }[]>;
  /** Returns a payment as it stands. Throws where there is none. */
  read(key: PaymentKey): Promise<Payment>;
};

type RefundRow = Omit<Refund, "finishedAt" | "pendingSince" | "retryAfterMs"> & {
  finishedAt: Date | null;
  pendingSince: Date | null;
  retryAfterMs: number | null;
};

/** Returns the refund store. */
export function createRefundStore(sql: Sql): RefundStore {
  async function finish(key: PaymentKey, refund: Refund, ref: string): Promise<StandingRefund> {
    await sql`
      with finished as (
        update payment.refund
        set provider_ref = ${ref}, finished_at = clock_timestamp()
        where event_id = ${key.eventId} and payment_id = ${key.paymentId} and refund_id = ${refund.refundId}
          and finished_at is null
        returning *
      ), moved as (
        update payment.payment as p
        set state = case when p.refunded_minor + f.amount_minor = p.amount_minor
            then ${PaymentState.REFUNDED}::smallint else ${PaymentState.CAPTURED}::smallint end,
          refunded_minor = p.refunded_minor + f.amount_minor,
          returned_minor = p.returned_minor + f.returned_minor,
          updated_at = clock_timestamp(),
          attempted_at = clock_timestamp()
        from finished as f
        where p.event_id = f.event_id and p.payment_id = f.payment_id
        returning p.event_id, p.payment_id, p.area_id, p.currency_code, f.refund_id::text as reference, f.amount_minor as paid_back, f.returned_minor as value_returned
      ), posted as (
        insert into payment.ledger_transaction (event_id, payment_id, kind, reference, area_id)
        select event_id, payment_id, 'refund', reference, area_id from moved
      )
      -- What is paid back beyond the value of the seats is an allowance; below it, an earlier allowance is made up for.
      insert into payment.ledger_entry (event_id, payment_id, kind, reference, account, currency_code, amount_minor)
      select event_id, payment_id, 'refund', reference, e.account, currency_code, e.amount_minor
      from moved cross join lateral (values
        ('ticket_refunds', value_returned),
        ('sales_allowances', paid_back - value_returned),
        ('provider_receivable', -paid_back)
      ) as e (account, amount_minor)
      where e.amount_minor <> 0`;
    return await readStanding(key, refund);
  }

  async function notePending(key: PaymentKey, refund: Refund, cause: PendingCause): Promise<StandingRefund> {
    await sql`
      update payment.refund
      set pending_since = coalesce(pending_since, clock_timestamp()), pending_cause = ${cause},
        retry_at = clock_timestamp() + least(
          ${pendingLongestMs}::int * interval '1 millisecond',
          greatest(${pendingFirstMs}::int * interval '1 millisecond', clock_timestamp() - pending_since))
      where event_id = ${key.eventId} and payment_id = ${key.paymentId} and refund_id = ${refund.refundId}
        and finished_at is null`;
    return await readStanding(key, refund);
  }

  async function readStanding(key: PaymentKey, { refundId }: Refund): Promise<StandingRefund> {
    const [payment, refunds] = [await read(sql, key), await readRefunds(sql, key)];
    return { payment, refund: refunds.find((each) => each.refundId === refundId)! };
  }

  async function readRunning(key: PaymentKey): Promise<Refund | undefined> {
    return (await readRefunds(sql, key)).find(({ finishedAt }) => !finishedAt);
  }

  return {
    begin: (request) => transact(sql, (tx) => begin(tx, request)),
    finish,
    notePending,
    readRunning,
    countPending: async () =>
      await sql<{ cause: PendingCause; count: number }[]>`
        select pending_cause as cause, count(*)::int as count
        from payment.refund
        where pending_since is not null and finished_at is null
        group by pending_cause`,
    read: (key) => read(sql, key),
  };
}

async function begin(tx: Transaction, request: RefundRequest): Promise<BegunRefund> {
  const { eventId, paymentId, refundId } = request;
  const [row] = await tx<PaymentRow[]>`
    select ${paymentColumns(tx)}
    from payment.payment as p
    where p.event_id = ${eventId} and p.payment_id = ${paymentId}
    for update`;
  const payment = row && paymentFromRow(row);
  // Read by a statement of its own, which sees what was committed while the lock was waited for.
  const decision = decideRefund(payment, payment ? await readRefunds(tx, request) : [], request);
  if (decision.kind !== "begin") return { decision, payment };
  const { amountMinor, returnedMinor } = decision.part;
  const [begun] = await tx<RefundRow[]>`
    insert into payment.refund (event_id, payment_id, refund_id, whole, amount_minor, returned_minor)
    values (${eventId}, ${paymentId}, ${refundId}, ${request.part === undefined}, ${amountMinor}, ${returnedMinor})
    returning ${refundColumns(tx)}`;
  const [moved] = await tx<PaymentRow[]>`
    update payment.payment as p
    set state = ${PaymentState.REFUNDING}, updated_at = clock_timestamp(), attempted_at = clock_timestamp()
    where p.event_id = ${eventId} and p.payment_id = ${paymentId}
    returning ${paymentColumns(tx)}`;
  return { decision: { kind: "ask", refund: refundFromRow(begun!) }, payment: paymentFromRow(moved!) };
}

async function read(sql: Sql, { eventId, paymentId }: PaymentKey): Promise<Payment> {
  const [row] = await sql<PaymentRow[]>`
    select ${paymentColumns(sql)} from payment.payment as p where p.event_id = ${eventId} and p.payment_id = ${paymentId}`;
  if (!row) throw new Error(`payment ${paymentId} is gone`);
  return paymentFromRow(row);
}

async function readRefunds(sql: Sql | Transaction, { eventId, paymentId }: PaymentKey): Promise<Refund[]> {
  const rows = await sql<RefundRow[]>`
    select ${refundColumns(sql)}
    from payment.refund
    where event_id = ${eventId} and payment_id = ${paymentId}
    order by created_at`;
  return rows.map(refundFromRow);
}

function refundColumns(sql: Sql | Transaction) {
  return sql`
    refund_id as "refundId", whole, amount_minor as "amountMinor", returned_minor as "returnedMinor",
    created_at as "createdAt", finished_at as "finishedAt", refusals,
    pending_since as "pendingSince", coalesce(retry_at <= clock_timestamp(), true) as "isRetryDue",
    case when pending_since is not null and finished_at is null
      then greatest(0, extract(epoch from retry_at - clock_timestamp()) * 1000)::int end as "retryAfterMs"`;
}

function refundFromRow({ finishedAt, pendingSince, retryAfterMs, ...refund }: RefundRow): Refund {
  return {
    ...refund,
    finishedAt: finishedAt ?? undefined,
    pendingSince: pendingSince ?? undefined,
    retryAfterMs: retryAfterMs ?? undefined,
  };
}
