// All SQL about refunds: how each begins, is asked for, and ends with its posting.

import type { Sql, Transaction } from "#shared/sql";
import { PaymentState, type Payment, type PaymentKey } from "./domain/payment.ts";
import {
  decideRefund,
  type Refund,
  type RefundDecision,
  type RefundPart,
  type RefundRequest,
} from "./domain/refund.ts";
import { pendingFirstMs, pendingLongestMs, type PendingCause } from "./domain/pending-refund.ts";
import { paymentColumns, paymentFromRow, type PaymentRow } from "./payment-row.ts";
import { refundColumns, refundFromRow, type RefundRow } from "./refund-row.ts";
import { changeRefunds, coverRefunds } from "./store-coverage.ts";

/** A refund and its payment, as they stand. */
export type StandingRefund = { payment: Payment; refund: Refund };

/** What became of a request, and the payment as it stands then. */
export type BegunRefund = { decision: Exclude<RefundDecision, { kind: "begin" }>; payment: Payment | undefined };

/** What was chosen to be asked for, and the payment as it stands. */
export type TakenUp = { payment: Payment; refund: Refund | undefined };

/** The refunds in the database. */
export type RefundStore = {
  /** Decides a request with the payment locked, and writes down the refund where it begins, and that it is asked for. */
  begin(request: RefundRequest): Promise<BegunRefund>;
  /**
   * Writes down that the one of a payment's refunds that `choose` returns is asked for; what is asked for stays the same from
   * then on, until it is answered. Returns it, if any, and the payment, as they then stand.
   */
  takeUp(key: PaymentKey, choose: (refunds: Refund[]) => Refund | undefined): Promise<TakenUp>;
  /**
   * Writes the provider's answer, unless it is written, or the refund was refused since it was asked for: what was done then may
   * have failed meanwhile, and it is asked for again. The refund is done, posted to the ledger, and counted in the payment, where it
   * does not repay one that was. Returns both as they then stand. `ref` is the provider's name for it.
   */
  finish(key: PaymentKey, refund: Refund, ref: string): Promise<StandingRefund>;
  /**
   * Writes that the provider has a refund in work, unless it is done or was refused meanwhile, and when to ask again. Returns
   * both as they then stand.
   */
  notePending(key: PaymentKey, refund: Refund, cause: PendingCause): Promise<StandingRefund>;
  /** Counts the refunds that are pending, by cause; a cause of which there is none is left out. */
  countPending(): Promise<{ cause: PendingCause; count: number }[]>;
};

/** Returns the refund store. */
export function createRefundStore(sql: Sql): RefundStore {
  return {
    begin: (request) => changeRefunds(sql, request, (tx) => begin(tx, request)),
    takeUp: (key, choose) => changeRefunds(sql, key, (tx) => takeUp(tx, key, choose)),
    async finish(key, refund, ref) {
      await changeRefunds(sql, key, (tx) => finish(tx, key, { refund, ref }));
      return await readStanding(sql, key, refund);
    },
    async notePending(key, refund, cause) {
      await changeRefunds(sql, key, (tx) => notePending(tx, key, { refund, cause }));
      return await readStanding(sql, key, refund);
    },
    countPending: async () =>
      await sql<{ cause: PendingCause; count: number }[]>`
        select pending_cause as cause, count(*)::int as count
        from payment.refund
        where pending_since is not null and finished_at is null
        group by pending_cause`,
  };
}

async function begin(tx: Transaction, request: RefundRequest): Promise<BegunRefund> {
  const payment = await readPayment(tx, request);
  const refunds = await readRefunds(tx, request);
  const decision = decideRefund(
    payment,
    refunds.filter(({ repays }) => !repays),
    request,
  );
  if (decision.kind === "ask") await noteAsked(tx, request, decision.refund);
  if (decision.kind !== "begin") return { decision, payment };
  await write(tx, request, decision.part);
  // Once it is known what lost disputes pay of it, it is gone on with like a repeat.
  await coverRefunds(tx, request);
  return await begin(tx, request);
}

async function write(
  tx: Transaction,
  request: RefundRequest,
  { amountMinor, returnedMinor }: RefundPart,
): Promise<void> {
  const { eventId, paymentId, refundId, part } = request;
  await tx`
    insert into payment.refund (event_id, payment_id, refund_id, whole, amount_minor, returned_minor)
    values (${eventId}, ${paymentId}, ${refundId}, ${part === undefined}, ${amountMinor}, ${returnedMinor})`;
  await tx`
    update payment.payment
    set state = ${PaymentState.REFUNDING}, updated_at = clock_timestamp(), attempted_at = clock_timestamp()
    where event_id = ${eventId} and payment_id = ${paymentId}`;
}

async function takeUp(
  tx: Transaction,
  key: PaymentKey,
  choose: Parameters<RefundStore["takeUp"]>[1],
): Promise<TakenUp> {
  const refund = choose(await readRefunds(tx, key));
  if (refund) await noteAsked(tx, key, refund);
  return { payment: existing(await readPayment(tx, key)), refund };
}

// Also of what lost disputes pay in full, of which nobody is asked: it is as good as done.
async function noteAsked(tx: Transaction, { eventId, paymentId }: PaymentKey, { refundId }: Refund): Promise<void> {
  await tx`
    update payment.refund
    set asked_at = coalesce(asked_at, clock_timestamp())
    where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refundId}`;
}

async function finish(
  tx: Transaction,
  key: PaymentKey,
  { refund, ref }: { refund: Refund; ref: string },
): Promise<void> {
  await tx`
    with finished as (
      update payment.refund
      -- What was asked of the provider was the rest. Where less is lost by now, what is missing is owed from here on.
      set provider_ref = ${ref}, finished_at = clock_timestamp(), covered_minor = ${refund.coveredMinor}
      where event_id = ${key.eventId} and payment_id = ${key.paymentId} and refund_id = ${refund.refundId}
        and finished_at is null and refusals = ${refund.refusals}
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
}

async function notePending(
  tx: Transaction,
  { eventId, paymentId }: PaymentKey,
  { refund, cause }: { refund: Refund; cause: PendingCause },
): Promise<void> {
  await tx`
    update payment.refund
    set pending_since = coalesce(pending_since, clock_timestamp()), pending_cause = ${cause},
      retry_at = clock_timestamp() + least(
        ${pendingLongestMs}::int * interval '1 millisecond',
        greatest(${pendingFirstMs}::int * interval '1 millisecond', clock_timestamp() - pending_since))
    where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refund.refundId}
      and finished_at is null and refusals = ${refund.refusals}`;
}

async function readStanding(sql: Sql, key: PaymentKey, { refundId }: Refund): Promise<StandingRefund> {
  const [payment, refunds] = [existing(await readPayment(sql, key)), await readRefunds(sql, key)];
  return { payment, refund: refunds.find((each) => each.refundId === refundId)! };
}

async function readPayment(sql: Sql | Transaction, { eventId, paymentId }: PaymentKey): Promise<Payment | undefined> {
  const [row] = await sql<PaymentRow[]>`
    select ${paymentColumns(sql)} from payment.payment as p where p.event_id = ${eventId} and p.payment_id = ${paymentId}`;
  return row && paymentFromRow(row);
}

async function readRefunds(sql: Sql | Transaction, { eventId, paymentId }: PaymentKey): Promise<Refund[]> {
  const rows = await sql<RefundRow[]>`
    select ${refundColumns(sql)}
    from payment.refund as f
    where f.event_id = ${eventId} and f.payment_id = ${paymentId}
    order by f.created_at`;
  return rows.map(refundFromRow);
}

function existing(payment: Payment | undefined): Payment {
  if (!payment) throw new Error("a payment is gone");
  return payment;
}
