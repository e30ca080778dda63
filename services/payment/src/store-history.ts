// What is kept of payments and when it happened, for whoever asks how they came to stand as they do. Times are rounded to
// milliseconds as reservation's are, so that what came later never seems to have come earlier.

import type { Sql } from "#shared/sql";
import type { PaymentRecord } from "./domain/payment-story.ts";
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
  refundId: string | null;
} & Pick<
  PaymentRecord,
  "wasAuthorized" | "createdAt" | "authorizedAt" | "updatedAt" | "attemptedAt" | "capturedAt" | "refundedAt"
>;

/** Returns the store. */
export function createHistoryStore(sql: Sql): HistoryStore {
  return {
    async read({ eventId, paymentIds }) {
      const rows = await sql<Row[]>`
        select p.payment_id as "paymentId", p.state, p.reservation_id as "reservationId", p.amount_minor as "amountMinor",
          p.currency_code as "currencyCode", p.provider, p.decline_reason as "declineReason", p.refund_id as "refundId",
          p.authorization_ref is not null as "wasAuthorized", p.created_at::timestamptz(3) as "createdAt",
          p.authorized_at as "authorizedAt", p.updated_at::timestamptz(3) as "updatedAt",
          p.attempted_at::timestamptz(3) as "attemptedAt", posted."capturedAt", posted."refundedAt"
        from payment.payment as p
        cross join lateral (
          select max(t.created_at::timestamptz(3)) filter (where t.kind = 'capture') as "capturedAt",
            max(t.created_at::timestamptz(3)) filter (where t.kind = 'refund') as "refundedAt"
          from payment.ledger_transaction as t
          where t.event_id = p.event_id and t.payment_id = p.payment_id
        ) as posted
        where p.event_id = ${eventId} and p.payment_id = any(${paymentIds}::uuid[])`;
      return rows.map((row) => recordFrom(row, eventId));
    },
  };
}

function recordFrom(row: Row, eventId: string): PaymentRecord {
  const { reservationId, amountMinor, currencyCode, provider, declineReason, refundId, ...record } = row;
  return {
    ...record,
    eventId,
    order: reservationId === null ? undefined : { reservationId, amountMinor, currencyCode, provider },
    declineReason: declineReason ?? undefined,
    refundId: refundId ?? undefined,
  };
}
