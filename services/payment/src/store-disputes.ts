// Disputes and their postings.

import type { Sql, Transaction } from "#shared/sql";
import { disputeOrder, DisputeStatus, postingsOf, type Dispute, type MovedMoney } from "./domain/dispute.ts";
import type { PaymentKey } from "./domain/payment.ts";
import { isLeftToPerson } from "./refund-row.ts";
import { changeRefunds } from "./store-coverage.ts";
import { post } from "./store-ledger.ts";

/** Keeps disputes. */
export type DisputeStore = {
  /**
   * Writes how a dispute of a payment stands and posts what moved with it since it was told of last, each move once; another
   * dispute of the same payment counts for itself. Its statuses go forward only, see `disputeOrder`: what comes late changes
   * nothing. While it is open refunds wait; its end wakes them. Returns whether anything changed.
   */
  record(key: PaymentKey, dispute: Dispute): Promise<boolean>;
  /** Counts the disputes in each status. */
  count(): Promise<{ status: DisputeStatus; count: number }[]>;
};

/** Returns the store. */
export function createDisputeStore(sql: Sql): DisputeStore {
  return {
    record: (key, dispute) => changeRefunds(sql, key, (tx) => record(tx, key, dispute)),
    count: async () =>
      await sql<{ status: DisputeStatus; count: number }[]>`
        select status, count(*)::int as count from payment.dispute group by status`,
  };
}

async function record(tx: Transaction, key: PaymentKey, dispute: Dispute): Promise<boolean> {
  const { eventId, paymentId } = key;
  const { ref, status, amountMinor, currencyCode, reason } = dispute;
  const [payment] = await tx<{ areaId: string }[]>`
    select area_id as "areaId" from payment.payment where event_id = ${eventId} and payment_id = ${paymentId}`;
  if (!payment) return false;
  const { count } = await tx`
    insert into payment.dispute as d
      (event_id, payment_id, dispute_ref, status, amount_minor, currency_code, reason)
    values (${eventId}, ${paymentId}, ${ref}, ${status}, ${amountMinor}, ${currencyCode}, ${reason})
    on conflict (event_id, payment_id, dispute_ref) do update
    set status = excluded.status, amount_minor = excluded.amount_minor, updated_at = clock_timestamp(),
      ask_at = default, ask_fault = default
    where array_position(${[...disputeOrder]}::int[], d.status::int)
        < array_position(${[...disputeOrder]}::int[], excluded.status::int)
      or (d.status = excluded.status and d.amount_minor <> excluded.amount_minor)`;
  if (count === 0) return false;
  await postMoves(tx, key, { dispute, areaId: payment.areaId });
  if (status === DisputeStatus.won || status === DisputeStatus.lost) await wakeRefunds(tx, key);
  return true;
}

// Has the refunds that are still to be made asked for at once, whatever their pauses were.
async function wakeRefunds(tx: Transaction, { eventId, paymentId }: PaymentKey): Promise<void> {
  await tx`
    update payment.refund as f
    set retry_at = clock_timestamp()
    where event_id = ${eventId} and payment_id = ${paymentId} and finished_at is null and not ${isLeftToPerson(tx)}`;
}

type Moved = MovedMoney & { taken: number; returned: number };

async function postMoves(
  tx: Transaction,
  key: PaymentKey,
  { dispute, areaId }: { dispute: Dispute; areaId: string },
): Promise<void> {
  const { ref, currencyCode } = dispute;
  const [moved] = await tx<Moved[]>`
    select coalesce(sum(amount_minor) filter (where kind = 'chargeback'), 0)::bigint as "takenMinor",
      coalesce(-sum(amount_minor) filter (where kind = 'chargeback_reversal'), 0)::bigint as "returnedMinor",
      count(*) filter (where kind = 'chargeback')::int as taken,
      count(*) filter (where kind = 'chargeback_reversal')::int as returned
    from payment.ledger_entry
    where event_id = ${key.eventId} and payment_id = ${key.paymentId} and kind in ('chargeback', 'chargeback_reversal')
      and account = 'chargebacks' and split_part(reference, ':', 1) = ${ref}`;
  const counts = { chargeback: moved!.taken, chargeback_reversal: moved!.returned };
  for (const { kind, amountMinor } of postingsOf(dispute, moved!)) {
    const count = (counts[kind] += 1);
    const sign = kind === "chargeback" ? 1 : -1;
    await post(tx, {
      ...{ eventId: key.eventId, paymentId: key.paymentId, kind, areaId, currencyCode },
      reference: count === 1 ? ref : `${ref}:${count}`,
      entries: [
        ["chargebacks", sign * amountMinor],
        ["provider_receivable", -sign * amountMinor],
      ],
    });
  }
}
