// What customers are owed again. A repayment is a refund of its own that pays one more time what another one paid: that one
// failed after it was done, or the lost dispute that stood for it was won on appeal. It begins with a posting, and whatever
// happens to it later, the refund that it repays stays done: its seats came back, its caller was told.

import type { Sql, Transaction } from "#shared/sql";
import type { PaymentKey } from "./domain/payment.ts";
import type { FailedRefund } from "./providers/provider.ts";
import { waitsForDispute } from "./refund-row.ts";
import { changeRefunds, owe } from "./store-coverage.ts";

/** Names a repayment. */
export type RepaymentKey = PaymentKey & { refundId: string };

/** Keeps what is owed again. */
export type RepaymentStore = {
  /**
   * Notes that a refund which was done has failed after all, posts what came back, and writes down its repayment, all once.
   * Returns false where it was noted before, or what failed is not the try that was written as done.
   */
  noteFailed(refund: PaymentKey & FailedRefund): Promise<boolean>;
  /** Takes up repayments that are due, each on one replica only; those that do not move are left alone for `claimMs` then. */
  takeDue(options: { claimMs: number; itemsMax: number }): Promise<RepaymentKey[]>;
  /** Has the provider asked at once about those of a payment's repayments that are on their way. */
  wakePending(key: PaymentKey): Promise<void>;
};

/** Returns the store. */
export function createRepaymentStore(sql: Sql): RepaymentStore {
  return {
    noteFailed: (refund) => changeRefunds(sql, refund, (tx) => noteFailed(tx, refund)),
    takeDue: (options) => takeDue(sql, options),
    wakePending: (key) => changeRefunds(sql, key, (tx) => wakePending(tx, key)),
  };
}

async function noteFailed(tx: Transaction, refund: PaymentKey & FailedRefund): Promise<boolean> {
  const { eventId, paymentId, refundId, ref } = refund;
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
  // One that fails again and again counts on.
  await owe(tx, { eventId, paymentId, refundId, owedMinor, from: "provider_receivable", failures: refusals + 1 });
  return true;
}

async function takeDue(sql: Sql, { claimMs, itemsMax }: { claimMs: number; itemsMax: number }) {
  return await sql<RepaymentKey[]>`
    update payment.refund
    set taken_at = clock_timestamp()
    from (
      select event_id, payment_id, refund_id
      from payment.refund as f
      where finished_at is null and repays is not null and retry_at <= now() and not ${waitsForDispute(sql)}
        -- What came due anew since it was taken up is nobody's any more.
        and (taken_at is null or taken_at < retry_at or taken_at <= now() - ${claimMs}::bigint * interval '1 millisecond')
      -- Whoever was not taken up yet comes before those that get no answer.
      order by greatest(retry_at, taken_at)
      limit ${itemsMax}
      for update skip locked
    ) as due
    where refund.event_id = due.event_id and refund.payment_id = due.payment_id and refund.refund_id = due.refund_id
    returning refund.event_id as "eventId", refund.payment_id as "paymentId", refund.refund_id as "refundId"`;
}

async function wakePending(tx: Transaction, { eventId, paymentId }: PaymentKey): Promise<void> {
  await tx`
    update payment.refund
    set retry_at = clock_timestamp()
    where event_id = ${eventId} and payment_id = ${paymentId} and finished_at is null and repays is not null
      and pending_since is not null`;
}
