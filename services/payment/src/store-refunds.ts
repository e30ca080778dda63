// All SQL about refunds. Each begins in a transaction of its own, with the payment locked; it ends in one statement, with
// its posting.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { PaymentState, type Payment, type PaymentKey } from "./domain/payment.ts";
import { decideRefund, type Refund, type RefundDecision, type RefundRequest } from "./domain/refund.ts";
import { pendingFirstMs, pendingLongestMs, type PendingCause } from "./domain/pending-refund.ts";
import { paymentColumns, paymentFromRow, type PaymentRow } from "./payment-row.ts";
import { refundColumns, refundFromRow, type RefundRow } from "./refund-row.ts";
import { readUnspentLoss } from "./store-repayments.ts";

/** A refund and its payment, as they stand. */
export type StandingRefund = { payment: Payment; refund: Refund };

/** What became of a request, and the payment as it stands then. */
export type BegunRefund = { decision: Exclude<RefundDecision, { kind: "begin" }>; payment: Payment | undefined };

/** The refunds in the database. */
export type RefundStore = {
  /** Decides a request with the payment locked, and writes the refund down where it begins. */
  begin(request: RefundRequest): Promise<BegunRefund>;
  /**
   * Writes the provider's answer, unless it is written: the refund is done, posted to the ledger, and counted in the payment,
   * where it does not repay one that was. Returns both as they then stand. `ref` is the provider's name for it.
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

/** Returns the refund store. */
export function createRefundStore(sql: Sql): RefundStore {
  async function finish(key: PaymentKey, refund: Refund, ref: string): Promise<StandingRefund> {
    await sql`
      with finished as (
        update payment.refund
        -- What was asked of the provider was the rest.
        set provider_ref = ${ref}, finished_at = clock_timestamp(), covered_minor = ${refund.coveredMinor}
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
        where p.event_id = f.event_id and p.payment_id = f.payment_id and f.repays is null
      ), due as (
        select event_id, payment_id, p.area_id, p.currency_code, f.refund_id::text as reference,
          f.repays is not null as is_repayment, f.amount_minor as paid_back, f.returned_minor as value_returned,
          f.covered_minor as covered
        from finished as f join payment.payment as p using (event_id, payment_id)
      ), posted as (
        insert into payment.ledger_transaction (event_id, payment_id, kind, reference, area_id)
        select event_id, payment_id, 'refund', reference, area_id from due
      )
      -- What is paid back beyond the value of the seats is an allowance; below it, an earlier allowance is made up for. A
      -- repayment settles a debt. What a lost dispute paid is the refund from now on, and no expense any more.
      insert into payment.ledger_entry (event_id, payment_id, kind, reference, account, currency_code, amount_minor)
      select event_id, payment_id, 'refund', reference, e.account, currency_code, e.amount_minor
      from due cross join lateral (values
        ('ticket_refunds', value_returned),
        ('sales_allowances', case when is_repayment then 0 else paid_back - value_returned end),
        ('refunds_owed', case when is_repayment then paid_back else 0 end),
        ('chargebacks', -covered),
        ('provider_receivable', covered - paid_back)
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
    return (await readRefunds(sql, key)).find(({ finishedAt, repays }) => !finishedAt && !repays);
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
  const refunds = payment ? await readRefunds(tx, request) : [];
  const decision = decideRefund(
    payment,
    refunds.filter(({ repays }) => !repays),
    request,
  );
  if (decision.kind !== "begin") return { decision, payment };
  const { amountMinor, returnedMinor } = decision.part;
  const coveredMinor = Math.min(amountMinor, Math.max(0, await readUnspentLoss(tx, request)));
  const [begun] = await tx<RefundRow[]>`
    insert into payment.refund (event_id, payment_id, refund_id, whole, amount_minor, returned_minor, covered_minor)
    values (
      ${eventId}, ${paymentId}, ${refundId}, ${request.part === undefined}, ${amountMinor}, ${returnedMinor}, ${coveredMinor})
    returning ${refundColumns(tx)}`;
  const [moved] = await tx<PaymentRow[]>`
    update payment.payment as p
    set state = ${PaymentState.REFUNDING}, updated_at = clock_timestamp(), attempted_at = clock_timestamp()
    where p.event_id = ${eventId} and p.payment_id = ${paymentId}
    returning ${paymentColumns(tx)}`;
  const refund = refundFromRow(begun!);
  return { decision: { kind: refund.isRetryDue ? "ask" : "answer", refund }, payment: paymentFromRow(moved!) };
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
