// A payment as it lies in the database.

import type { Sql, Transaction } from "#shared/sql";
import { DisputeStatus } from "./domain/dispute.ts";
import type { Order, Payment, PaymentState } from "./domain/payment.ts";
import { waitsForDispute } from "./refund-row.ts";

/** What the store selects of a payment. Without a reservation_id it is a tombstone, and the other columns of an order are null. */
export type PaymentRow = {
  event_id: string;
  payment_id: string;
  state: PaymentState;
  reservation_id: string | null;
  customer_id: string;
  area_id: string;
  amount_minor: number;
  currency_code: string;
  request_hash: string;
  provider: string;
  payment_method_token: string | null;
  authorization_ref: string | null;
  action_url: string | null;
  capture_ref: string | null;
  decline_reason: string | null;
  refunded_minor: number;
  returned_minor: number;
  refund_pending_since: Date | null;
  refusals: number;
  is_retry_due: boolean;
  created_at: Date;
};

/** Returns the columns of a PaymentRow, of a payment row called `p`. */
export function paymentColumns(sql: Sql | Transaction) {
  return sql`
    p.event_id, p.payment_id, p.state, p.reservation_id, p.customer_id, p.area_id, p.amount_minor, p.currency_code,
    encode(p.request_hash, 'hex') as request_hash, p.provider, p.payment_method_token, p.authorization_ref,
    p.action_url, p.capture_ref, p.decline_reason, p.refunded_minor, p.returned_minor, p.refusals,
    case when p.state = 8 then (
      select coalesce(f.pending_since, case when ${waitsForDispute(sql)} then (
        select greatest(f.created_at, min(d.opened_at))
        from payment.dispute as d
        where d.event_id = f.event_id and d.payment_id = f.payment_id and d.status = ${DisputeStatus.open}
      ) end)
      from payment.refund as f
      where f.event_id = p.event_id and f.payment_id = p.payment_id and f.finished_at is null
        and f.repays is null
    ) end as refund_pending_since,
    coalesce(p.retry_at <= clock_timestamp(), true) as is_retry_due, p.created_at`;
}

/** Returns the payment of a row. */
export function paymentFromRow(row: PaymentRow): Payment {
  return {
    eventId: row.event_id,
    paymentId: row.payment_id,
    state: row.state,
    order: orderFrom(row),
    paymentMethodToken: row.payment_method_token ?? undefined,
    authorizationRef: row.authorization_ref ?? undefined,
    actionUrl: row.action_url ?? undefined,
    captureRef: row.capture_ref ?? undefined,
    declineReason: row.decline_reason ?? undefined,
    refundedMinor: row.refunded_minor,
    returnedMinor: row.returned_minor,
    refundPendingSince: row.refund_pending_since ?? undefined,
    refusals: row.refusals,
    isRetryDue: row.is_retry_due,
    createdAt: row.created_at,
  };
}

function orderFrom(row: PaymentRow): Order | undefined {
  if (row.reservation_id === null) return undefined;
  return {
    reservationId: row.reservation_id,
    customerId: row.customer_id,
    areaId: row.area_id,
    amountMinor: row.amount_minor,
    currencyCode: row.currency_code,
    requestHash: row.request_hash,
    provider: row.provider,
  };
}
