// Where attempts to pay stand.

import type { Sql } from "#shared/sql";
import { keyOf, type Booking, type BookingKey } from "../domain/booking.ts";
import type { Checkout } from "../domain/checkout.ts";
import { bookingColumns } from "./booking-columns.ts";

/** Names a customer's attempt to pay. */
export type AttemptKey = BookingKey & { customerId: string; idempotencyKey: string };

/** The booking, if it is the customer's, and the attempt, if the booking has it. */
export type Standing = { booking: Booking | undefined; checkout: Checkout | undefined };

/** Returns how each of the attempts stands, in order. */
export async function readStandings(sql: Sql, keys: readonly AttemptKey[]): Promise<Standing[]> {
  const rows = await sql<(Booking & { checkouts: (Checkout & { idempotencyKey: string })[] })[]>`
    select ${bookingColumns(sql)}, (
      select coalesce(json_agg(json_build_object(
        'idempotencyKey', c.idempotency_key, 'paymentId', c.payment_id, 'tokenDigest', c.token_digest,
        'outcome', c.outcome, 'declineReason', c.decline_reason)), '[]')
      from reservation.checkout c
      where c.event_id = r.event_id and c.reservation_id = r.reservation_id
    ) as checkouts
    from reservation.reservation r
    where (r.event_id, r.reservation_id) in (
      select * from unnest(
        ${keys.map((key) => key.eventId)}::uuid[], ${keys.map((key) => key.reservationId)}::uuid[]))`;
  const found = new Map(rows.map(({ checkouts, ...booking }) => [keyOf(booking), { booking, checkouts }]));
  return keys.map((key) => {
    const standing = found.get(keyOf(key));
    if (standing?.booking.customerId !== key.customerId) return { booking: undefined, checkout: undefined };
    const checkout = standing.checkouts.find(({ idempotencyKey }) => idempotencyKey === key.idempotencyKey);
    return { booking: standing.booking, checkout };
  });
}
