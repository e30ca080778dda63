// What lost disputes pay of refunds, kept right by one rule: whatever touches a payment's refunds or disputes is a transaction that
// locks the payment first, and ends by spreading what was lost anew. A refund that the provider may have made keeps its share until
// the answer is there, since a share decides what is asked for; what was wrong with it is made up for in the transaction of the answer.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { spreadLoss, type CoveredRefund } from "./domain/coverage.ts";
import { DisputeStatus } from "./domain/dispute.ts";
import type { PaymentKey } from "./domain/payment.ts";
import { retryDelayMs } from "./domain/refusal-backoff.ts";
import { isLeftToPerson } from "./refund-row.ts";
import { post } from "./store-ledger.ts";

/** Runs `work` on a payment's refunds or disputes, one at a time, and returns what it returns, committed. */
export async function changeRefunds<T>(
  sql: Sql,
  { eventId, paymentId }: PaymentKey,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return await transact(sql, async (tx) => {
    await tx`select from payment.payment where event_id = ${eventId} and payment_id = ${paymentId} for no key update`;
    const result = await work(tx);
    await coverRefunds(tx, { eventId, paymentId });
    return result;
  });
}

/** Lets what disputes have lost pay refunds that are still to be made, and what they no longer lose be owed again. */
export async function coverRefunds(tx: Transaction, key: PaymentKey): Promise<void> {
  const { eventId, paymentId } = key;
  const refunds = await tx<(CoveredRefund & { isFixed: boolean })[]>`
    select refund_id as "refundId", amount_minor as "amountMinor", covered_minor as "coveredMinor",
      finished_at is not null as "isFinished", finished_at is null and asked_at is not null as "isFixed"
    from payment.refund
    where event_id = ${eventId} and payment_id = ${paymentId}
    order by created_at, refund_id`;
  const fixedMinor = refunds.reduce((sum, { isFixed, coveredMinor }) => (isFixed ? sum + coveredMinor : sum), 0);
  const lostMinor = (await readLoss(tx, key)) - fixedMinor;
  const open = refunds.filter(({ isFixed }) => !isFixed);
  for (const { refund, coveredMinor } of spreadLoss(open, lostMinor)) {
    const { refundId, isFinished } = refund;
    await tx`
      update payment.refund as f
      set covered_minor = ${coveredMinor},
        retry_at = case when finished_at is null and not ${isLeftToPerson(tx)} then clock_timestamp() else retry_at end
      where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refundId}`;
    const owedMinor = refund.coveredMinor - coveredMinor;
    if (isFinished) await owe(tx, { ...key, refundId, owedMinor, from: "chargebacks", failures: 0 });
  }
}

/** Money that the customer is owed again. */
export type Debt = PaymentKey & {
  /** The refund that had paid it. */
  refundId: string;
  owedMinor: number;
  /** The account that has the money now. */
  from: "provider_receivable" | "chargebacks";
  /** How often the provider has failed to pay it. */
  failures: number;
};

/** Writes a debt down as a refund of its own, and posts it. What failed is asked for more and more seldom, as if it were refused. */
export async function owe(tx: Transaction, debt: Debt): Promise<void> {
  const { eventId, paymentId, refundId, owedMinor, from, failures } = debt;
  const retryMs = failures === 0 ? 0 : retryDelayMs(failures);
  const [owed] = await tx<{ reference: string; areaId: string; currencyCode: string }[]>`
    with owed as (
      insert into payment.refund (
        event_id, payment_id, refund_id, whole, amount_minor, returned_minor, repays, refusals, refusal_reason, retry_at)
      values (
        ${eventId}, ${paymentId}, gen_random_uuid(), false, ${owedMinor}, 0, ${refundId}, ${failures},
        ${failures === 0 ? null : "other"},
        coalesce(clock_timestamp() + ${retryMs}::bigint * interval '1 millisecond', 'infinity'::timestamptz))
      returning event_id, payment_id, refund_id::text as reference
    )
    select reference, area_id as "areaId", currency_code as "currencyCode"
    from owed join payment.payment using (event_id, payment_id)`;
  await post(tx, {
    ...{ eventId, paymentId, kind: "refund_reversal", ...owed! },
    entries: [
      [from, owedMinor],
      ["refunds_owed", -owedMinor],
    ],
  });
}

// What disputes of a payment have lost in all, in minor units.
async function readLoss(tx: Transaction, { eventId, paymentId }: PaymentKey): Promise<number> {
  const [row] = await tx<{ lostMinor: number }[]>`
    select coalesce(sum(d.amount_minor), 0)::bigint as "lostMinor"
    from payment.dispute as d
    join payment.payment as p using (event_id, payment_id, currency_code)
    where d.event_id = ${eventId} and d.payment_id = ${paymentId} and d.status = ${DisputeStatus.lost}`;
  return row!.lostMinor;
}
