// What is kept of payments and when it happened, for whoever asks how they came to stand as they do. Times are rounded to
// milliseconds as reservation's are, so that what came later never seems to have come earlier.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import type { PaymentRecord, RefundRecord } from "./domain/payment-story.ts";
import type { PaymentState } from "./domain/payment.ts";

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
} & Pick<PaymentRecord, "wasAuthorized" | "createdAt" | "authorizedAt" | "updatedAt" | "attemptedAt" | "capturedAt">;

type RefundRow = RefundRecord & { paymentId: string };

/** Returns the store. */
export function createHistoryStore(sql: Sql): HistoryStore {
  return {
    async read(asked) {
      return await transact(
        sql,
        async (tx) => {
          const [payments, refunds] = [await readPayments(tx, asked), await readRefunds(tx, asked)];
          return payments.map((payment) => recordFrom(payment, refunds, asked.eventId));
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
      p.attempted_at::timestamptz(3) as "attemptedAt", posted.created_at::timestamptz(3) as "capturedAt"
    from payment.payment as p
    left join payment.ledger_transaction as posted
      on posted.event_id = p.event_id and posted.payment_id = p.payment_id and posted.kind = 'capture'
        and posted.reference = ''
    where p.event_id = ${eventId} and p.payment_id = any(${paymentIds}::uuid[])`;
}

// A refund is posted by the statement that writes its end.
async function readRefunds(tx: Transaction, { eventId, paymentIds }: Asked): Promise<RefundRow[]> {
  return await tx<RefundRow[]>`
    select f.payment_id as "paymentId", f.refund_id as "refundId", f.whole, f.amount_minor as "amountMinor",
      f.returned_minor as "returnedMinor", f.created_at::timestamptz(3) as "createdAt",
      f.finished_at::timestamptz(3) as "finishedAt", f.covered_minor as "coveredMinor", f.repays, f.refusals,
      f.refusal_reason as "refusalReason", f.pending_since as "pendingSince", f.pending_cause as "pendingCause",
      nullif(f.retry_at, 'infinity')::timestamptz(3) as "retryAt"
    from payment.refund as f
    where f.event_id = ${eventId} and f.payment_id = any(${paymentIds}::uuid[])
    order by f.created_at, f.refund_id`;
}

function recordFrom(row: Row, refunds: readonly RefundRow[], eventId: string): PaymentRecord {
  const { reservationId, amountMinor, currencyCode, provider, declineReason, ...record } = row;
  return {
    ...record,
    eventId,
    order: reservationId === null ? undefined : { reservationId, amountMinor, currencyCode, provider },
    declineReason: declineReason ?? undefined,
    refunds: refunds.filter(({ paymentId }) => paymentId === row.paymentId),
  };
}
