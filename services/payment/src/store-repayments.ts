// What customers are owed again. A repayment is a refund of its own that pays one more time what another one paid: that one
// failed after it was done, or the lost dispute that stood for it was won on appeal. It begins with a posting, and whatever
// happens to it later, the refund that it repays stays done: its seats came back, its caller was told.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { spreadLoss, type CoveredRefund } from "./domain/coverage.ts";
import { DisputeStatus } from "./domain/dispute.ts";
import type { PaymentKey } from "./domain/payment.ts";
import { retryDelayMs } from "./domain/refusal-backoff.ts";
import type { FailedRefund } from "./providers/provider.ts";
import { paymentColumns, paymentFromRow, type PaymentRow } from "./payment-row.ts";
import { refundColumns, refundFromRow, type RefundRow } from "./refund-row.ts";
import { post } from "./store-ledger.ts";
import type { StandingRefund } from "./store-refunds.ts";

/** Keeps what is owed again. */
export type RepaymentStore = {
  /**
   * Notes that a refund which was done has failed after all, posts what came back, and writes down its repayment, all once.
   * Returns false where it was noted before, or what failed is not the try that was written as done.
   */
  noteFailed(refund: PaymentKey & FailedRefund): Promise<boolean>;
  /** Takes up repayments that are due, each on one replica only, and leaves them alone for `claimMs` then. */
  takeDue(options: { claimMs: number; itemsMax: number }): Promise<StandingRefund[]>;
};

/** Returns the store. */
export function createRepaymentStore(sql: Sql): RepaymentStore {
  return {
    noteFailed: (refund) => transact(sql, (tx) => noteFailed(tx, refund)),
    takeDue: (options) => takeDue(sql, options),
  };
}

/** Returns what disputes of a payment have lost in all, and no refund counts on yet, in minor units. */
export async function readUnspentLoss(tx: Transaction, { eventId, paymentId }: PaymentKey): Promise<number> {
  const [row] = await tx<{ unspentMinor: number }[]>`
    select (
      select coalesce(sum(d.amount_minor), 0)
      from payment.dispute as d
      join payment.payment as p using (event_id, payment_id, currency_code)
      where d.event_id = ${eventId} and d.payment_id = ${paymentId} and d.status = ${DisputeStatus.lost}
    )::bigint - (
      select coalesce(sum(covered_minor), 0)
      from payment.refund
      where event_id = ${eventId} and payment_id = ${paymentId}
    )::bigint as "unspentMinor"`;
  return row!.unspentMinor;
}

/**
 * Lets what disputes have lost pay refunds that are still to be made, and what they no longer lose be owed again. The payment
 * is locked by then.
 */
export async function coverRefunds(tx: Transaction, key: PaymentKey): Promise<void> {
  const { eventId, paymentId } = key;
  const refunds = await tx<CoveredRefund[]>`
    select refund_id as "refundId", amount_minor as "amountMinor", covered_minor as "coveredMinor",
      finished_at is not null as "isFinished"
    from payment.refund
    where event_id = ${eventId} and payment_id = ${paymentId}
      -- The provider may pay what it has in work already.
      and (finished_at is not null or pending_since is null)
    order by created_at, refund_id`;
  const spentMinor = refunds.reduce((sum, { coveredMinor }) => sum + coveredMinor, 0);
  const lostMinor = (await readUnspentLoss(tx, key)) + spentMinor;
  for (const { refund, coveredMinor } of spreadLoss(refunds, lostMinor)) {
    const { refundId, isFinished } = refund;
    await tx`
      update payment.refund
      set covered_minor = ${coveredMinor}
      where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refundId}`;
    const owedMinor = refund.coveredMinor - coveredMinor;
    if (isFinished) await owe(tx, { ...key, refundId, owedMinor, from: "chargebacks", retryMs: 0 });
    else await moveKey(tx, { ...key, refundId });
  }
}

/** Has the refunds of a payment that are still to be made asked for at once. */
export async function wakeRefunds(tx: Transaction, { eventId, paymentId }: PaymentKey): Promise<void> {
  await tx`
    update payment.refund
    set retry_at = clock_timestamp()
    where event_id = ${eventId} and payment_id = ${paymentId} and finished_at is null and retry_at is not null`;
}

// What the provider is asked has changed, and its answer to the key may be there already.
async function moveKey(tx: Transaction, { eventId, paymentId, refundId }: PaymentKey & { refundId: string }) {
  await tx`
    update payment.refund
    set refusals = refusals + 1, refusal_reason = coalesce(refusal_reason, 'other'), retry_at = clock_timestamp()
    where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refundId}`;
}

async function noteFailed(tx: Transaction, refund: PaymentKey & FailedRefund): Promise<boolean> {
  const { eventId, paymentId, refundId, ref } = refund;
  // One at a time, so that the next sees what this one wrote.
  await tx`select from payment.payment where event_id = ${eventId} and payment_id = ${paymentId} for update`;
  const [failed] = await tx<{ owedMinor: number; refusals: number }[]>`
    update payment.refund
    set failed_at = clock_timestamp()
    where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refundId}
      and finished_at is not null and provider_ref = ${ref}
      -- A build from before there were repayments may have noted the failure and no more.
      and (failed_at is null or not exists (
        select from payment.refund as r
        where r.event_id = refund.event_id and r.payment_id = refund.payment_id and r.repays = refund.refund_id))
    returning refusals, (
      -- By the ledger: what a lost dispute paid did not fail. Those from before there could be several have no reference.
      select coalesce(-sum(e.amount_minor), 0)
      from payment.ledger_entry as e
      where e.event_id = refund.event_id and e.payment_id = refund.payment_id and e.kind = 'refund'
        and e.reference in (refund.refund_id::text, case when refund.whole then '' end)
        and e.account = 'provider_receivable'
    )::bigint as "owedMinor"`;
  if (!failed) return false;
  const { owedMinor, refusals } = failed;
  await owe(tx, { ...refund, owedMinor, from: "provider_receivable", retryMs: retryDelayMs(refusals + 1) });
  return true;
}

type Debt = PaymentKey & {
  refundId: string;
  owedMinor: number;
  /** The account that has the money now. */
  from: "provider_receivable" | "chargebacks";
  /** Milliseconds until the provider is asked; null for never. */
  retryMs: number | null;
};

// A refund that fails again and again is asked for more and more seldom, as one that is refused: it counts on.
async function owe(tx: Transaction, { eventId, paymentId, refundId, owedMinor, from, retryMs }: Debt): Promise<void> {
  const [owed] = await tx<{ reference: string; areaId: string; currencyCode: string }[]>`
    insert into payment.refund (
      event_id, payment_id, refund_id, whole, amount_minor, returned_minor, repays, refusals, refusal_reason, retry_at)
    select event_id, payment_id, gen_random_uuid(), false, ${owedMinor}, 0, refund_id, refusals + 1, 'other',
      coalesce(clock_timestamp() + ${retryMs}::bigint * interval '1 millisecond', 'infinity'::timestamptz)
    from payment.refund
    where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refundId}
    returning refund_id::text as reference,
      (select area_id from payment.payment where event_id = ${eventId} and payment_id = ${paymentId}) as "areaId",
      (select currency_code from payment.payment where event_id = ${eventId} and payment_id = ${paymentId}) as "currencyCode"`;
  await post(tx, {
    ...{ eventId, paymentId, kind: "refund_reversal", ...owed! },
    entries: [
      [from, owedMinor],
      ["refunds_owed", -owedMinor],
    ],
  });
}

async function takeDue(sql: Sql, { claimMs, itemsMax }: { claimMs: number; itemsMax: number }) {
  const taken = await sql<(RefundRow & { eventId: string; paymentId: string })[]>`
    update payment.refund
    set retry_at = clock_timestamp() + ${claimMs}::bigint * interval '1 millisecond'
    from (
      select event_id, payment_id, refund_id
      from payment.refund as f
      where finished_at is null and repays is not null and retry_at <= now()
        and not exists (
          select from payment.dispute as d
          where d.event_id = f.event_id and d.payment_id = f.payment_id and d.status = ${DisputeStatus.open})
      order by retry_at
      limit ${itemsMax}
      for update skip locked
    ) as due
    where refund.event_id = due.event_id and refund.payment_id = due.payment_id and refund.refund_id = due.refund_id
    returning refund.event_id as "eventId", refund.payment_id as "paymentId", ${refundColumns(sql)}`;
  const payments = await sql<PaymentRow[]>`
    select ${paymentColumns(sql)}
    from payment.payment as p
    where (p.event_id, p.payment_id) in (
      select * from unnest(
        ${taken.map(({ eventId }) => eventId)}::uuid[], ${taken.map(({ paymentId }) => paymentId)}::uuid[])
    )`;
  return taken.map(({ eventId, paymentId, ...row }) => ({
    payment: paymentFromRow(payments.find((each) => each.event_id === eventId && each.payment_id === paymentId)!),
    refund: refundFromRow(row),
  }));
}
