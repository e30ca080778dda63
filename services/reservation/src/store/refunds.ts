// Refunds that organisers ask for.

import type { Sql } from "#shared/sql";
import { Phase, type Booking } from "../domain/booking.ts";
import type { Refund, RefundRequest } from "../domain/refund.ts";
import { bookingColumns } from "./booking-columns.ts";
import { revocation } from "./revocation.ts";

/** Returns the refund with this id, if there is one. */
export async function readRefund(
  sql: Sql,
  { eventId, refundId }: Pick<RefundRequest, "eventId" | "refundId">,
): Promise<Refund | undefined> {
  const [refund] = await sql<Refund[]>`
    select f.event_id as "eventId", f.refund_id as "refundId", f.reservation_id as "reservationId", f.reason,
      f.keep_blocked as "keepBlocked", f.requested_by as "requestedBy", f.created_at as "createdAt"
    from reservation.refund f
    where f.event_id = ${eventId} and f.refund_id = ${refundId}`;
  return refund;
}

/**
 * Writes the first step of a refund, with its reason: confirmed → refunding, and revokes the tickets. Returns the booking then, or undefined where it
 * is not confirmed any more and nothing was written. Throws where another reservation has the refund's id. `leaseMs` is
 * how long the reconciler leaves it alone.
 */
export async function beginRefund(
  sql: Sql,
  refund: RefundRequest,
  { leaseMs }: { leaseMs: number },
): Promise<Booking | undefined> {
  const { eventId, reservationId, refundId, reason, keepBlocked, requestedBy } = refund;
  const [booking] = await sql<Booking[]>`
    with begun as (
      update reservation.reservation r
      set phase = ${Phase.refunding}, phase_at = clock_timestamp(), attempts = 0, refund_id = ${refundId},
        keep_blocked = ${keepBlocked},
        next_attempt_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
      where r.event_id = ${eventId} and r.reservation_id = ${reservationId} and r.phase = ${Phase.confirmed}
      returning r.*
    ), ${revocation(sql, sql`select * from begun`)}, kept as (
      insert into reservation.refund (event_id, refund_id, reservation_id, reason, keep_blocked, requested_by)
      select event_id, refund_id, reservation_id, ${reason}::text, keep_blocked, ${requestedBy}::text
      from begun
    )
    select ${bookingColumns(sql)} from begun r`;
  return booking;
}
