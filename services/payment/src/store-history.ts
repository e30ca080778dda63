// What is kept of payments and when it happened, for whoever asks how they came to stand as they do. Times are rounded to
// milliseconds as reservation's are, so that what came later never seems to have come earlier.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import type { DisputeMove, DisputeRecord, PaymentRecord, RefundRecord } from "./domain/payment-record.ts";
import type { PaymentState } from "./domain/payment.ts";
import { waitsForDispute } from "./refund-row.ts";

/** Reads what happened to payments. */
export type HistoryStore = {
  /** Returns those of an event's payments that exist, in no order. */
  read(asked: { eventId: string; paymentIds: string[] }): Promise<PaymentRecord[]>;
};

type Row = {
  paymentId: string;
  state: PaymentState;
  reservationId: string | null;
  amountMinor: number;
  currencyCode: string;
  provider: string;
  declineReason: string | null;
  feeMinor: number | null;
  feeCurrencyCode: string | null;
  feePostedAt: Date | null;
} & Pick<PaymentRecord, "wasAuthorized" | "createdAt" | "authorizedAt" | "updatedAt" | "attemptedAt" | "capturedAt">;

type RefundRow = RefundRecord & { paymentId: string };
type DisputeRow = Omit<DisputeRecord, "moves"> & { paymentId: string; ref: string };
type MoveRow = DisputeMove & { paymentId: string; ref: string };

/** Returns the store. */
export function createHistoryStore(sql: Sql): HistoryStore {
  return {
    async read(asked) {
      return await transact(
        sql,
        async (tx) => {
          const payments = await readPayments(tx, asked);
          const refunds = await readRefunds(tx, asked);
          const disputes = await readDisputes(tx, asked);
          const ofPayment = <T extends { paymentId: string }>(rows: readonly T[], { paymentId }: Row) =>
            rows.filter((row) => row.paymentId === paymentId);
          return payments.map((row) => ({
            ...recordFrom(row, asked.eventId),
            refunds: ofPayment(refunds, row),
            disputes: ofPayment(disputes, row),
          }));
        },
        "isolation level repeatable read read only",
      );
    },
  };
}

type Asked = Parameters<HistoryStore["read"]>[0];

// A provider that waits for the customer has given a reference as well, and may say no after that. Before times of
// authorisation were kept, no provider waited.
async function readPayments(tx: Transaction, { eventId, paymentIds }: Asked): Promise<Row[]> {
  return await tx<Row[]>`
    select p.payment_id as "paymentId", p.state, p.reservation_id as "reservationId", p.amount_minor as "amountMinor",
      p.currency_code as "currencyCode", p.provider, p.decline_reason as "declineReason",
      p.authorized_at is not null or (p.authorization_ref is not null and p.state in (2, 4, 5, 8, 9)) as "wasAuthorized", p.created_at::timestamptz(3) as "createdAt",
      p.authorized_at as "authorizedAt", p.updated_at::timestamptz(3) as "updatedAt",
      p.attempted_at::timestamptz(3) as "attemptedAt", posted.created_at::timestamptz(3) as "capturedAt",
      kept.amount_minor as "feeMinor", kept.currency_code as "feeCurrencyCode",
      fee.created_at::timestamptz(3) as "feePostedAt"
    from payment.payment as p
    left join payment.ledger_transaction as posted
      on posted.event_id = p.event_id and posted.payment_id = p.payment_id and posted.kind = 'capture'
        and posted.reference = ''
    left join payment.ledger_transaction as fee
      on fee.event_id = p.event_id and fee.payment_id = p.payment_id and fee.kind = 'fee' and fee.reference = ''
    left join payment.ledger_entry as kept
      on kept.event_id = fee.event_id and kept.payment_id = fee.payment_id and kept.kind = fee.kind
        and kept.reference = fee.reference and kept.account = 'provider_fees'
    where p.event_id = ${eventId} and p.payment_id = any(${paymentIds}::uuid[])`;
}

// A refund is posted by the statement that writes its end. What a lost dispute had paid of it by then is the posting's to say: its row
// says what one pays today, after an appeal perhaps.
async function readRefunds(tx: Transaction, { eventId, paymentIds }: Asked): Promise<RefundRow[]> {
  return await tx<RefundRow[]>`
    select f.payment_id as "paymentId", f.refund_id as "refundId", f.whole, f.amount_minor as "amountMinor",
      f.returned_minor as "returnedMinor", f.created_at::timestamptz(3) as "createdAt",
      f.finished_at::timestamptz(3) as "finishedAt", f.repays, f.refusals,
      (
        select coalesce(-sum(e.amount_minor), 0)
        from payment.ledger_entry as e
        where e.event_id = f.event_id and e.payment_id = f.payment_id and e.kind = 'refund'
          and e.reference = f.refund_id::text and e.account = 'chargebacks'
      )::bigint as "coveredMinor",
      f.refusal_reason as "refusalReason", f.pending_since as "pendingSince", f.pending_cause as "pendingCause",
      nullif(f.retry_at, 'infinity')::timestamptz(3) as "retryAt", ${waitsForDispute(tx)} as "waitsForDispute"
    from payment.refund as f
    where f.event_id = ${eventId} and f.payment_id = any(${paymentIds}::uuid[])
    order by f.created_at, f.refund_id`;
}

// A later posting of a dispute has a number behind its reference.
async function readDisputes(
  tx: Transaction,
  { eventId, paymentIds }: Asked,
): Promise<(DisputeRecord & { paymentId: string })[]> {
  const disputes = await tx<DisputeRow[]>`
    select d.payment_id as "paymentId", d.dispute_ref as ref, d.status, d.amount_minor as "amountMinor",
      d.currency_code as "currencyCode", d.reason, d.opened_at::timestamptz(3) as "openedAt",
      d.updated_at::timestamptz(3) as "updatedAt"
    from payment.dispute as d
    where d.event_id = ${eventId} and d.payment_id = any(${paymentIds}::uuid[])
    order by d.opened_at, d.dispute_ref`;
  if (disputes.length === 0) return [];
  const moves = await tx<MoveRow[]>`
    select t.payment_id as "paymentId", split_part(t.reference, ':', 1) as ref, t.kind,
      abs(e.amount_minor) as "amountMinor", t.created_at::timestamptz(3) as "postedAt"
    from payment.ledger_transaction as t
    join payment.ledger_entry as e using (event_id, payment_id, kind, reference)
    where t.event_id = ${eventId} and t.payment_id = any(${paymentIds}::uuid[])
      and t.kind in ('chargeback', 'chargeback_reversal') and e.account = 'chargebacks'
    order by t.created_at`;
  return disputes.map(({ ref, ...dispute }) => ({
    ...dispute,
    moves: moves.filter((move) => move.paymentId === dispute.paymentId && move.ref === ref),
  }));
}

function recordFrom(row: Row, eventId: string): Omit<PaymentRecord, "refunds" | "disputes"> {
  const { reservationId, amountMinor, currencyCode, provider, declineReason, ...rest } = row;
  const { feeMinor, feeCurrencyCode, feePostedAt, ...record } = rest;
  return {
    ...record,
    eventId,
    order: reservationId === null ? undefined : { reservationId, amountMinor, currencyCode, provider },
    declineReason: declineReason ?? undefined,
    fee:
      feeMinor !== null && feeCurrencyCode !== null && feePostedAt !== null
        ? { amountMinor: feeMinor, currencyCode: feeCurrencyCode, postedAt: feePostedAt }
        : undefined,
  };
}
