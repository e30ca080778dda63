import type { Sql, Transaction } from "#shared/sql";

/** Returns the columns of a Booking, of a reservation row called `r`. */
export function bookingColumns(sql: Sql | Transaction) {
  return sql`
    r.event_id as "eventId", r.reservation_id as "reservationId", r.customer_id as "customerId", r.area_id as "areaId",
    r.quantity, r.seats, r.unit_price_minor as "unitPriceMinor", r.currency, r.phase, r.phase_at as "phaseAt",
    r.payment_id as "paymentId", r.payment_method_token as "paymentMethodToken", r.refund_id as "refundId",
    r.refunded_minor as "refundedMinor", r.next_action_url as "nextActionUrl",
    coalesce(r.hold_id, r.reservation_id) as "holdId", r.end_reason as "endReason",
    r.checkout_count as "checkoutCount", r.attempts, r.created_at as "createdAt", r.hold_expires_at as "holdExpiresAt",
    r.confirmed_at as "confirmedAt", r.hold_expires_at <= clock_timestamp() as lapsed`;
}

/**
 * Returns an outbox message about a reservation row called `r`; `type` is SQL that yields the event's type. A row that names a
 * refund is told of because of that refund: a booking's other steps come before its first one.
 */
export function eventMessage(sql: Sql, type: ReturnType<Sql>) {
  const facts = sql`
    'type', ${type}, 'event_id', r.event_id, 'reservation_id', r.reservation_id, 'customer_id', r.customer_id,
    'area_id', r.area_id, 'quantity', r.quantity, 'seats', r.seats, 'occur_time', clock_timestamp()`;
  return sql`
    case
      when r.refund_id is null then json_build_object(${facts})
      else json_build_object(${facts}, 'refund_id', r.refund_id)
    end`;
}
