// Pages of rows for the invariant checks, in key order, so that memory stays bounded however many there are.

import type { Sql } from "#shared/sql";
import { Phase, type BookingKey } from "../domain/booking.ts";
import type { CheckoutOutcome } from "../domain/transition.ts";

/** A booking as the checks see it. */
export type AuditedBooking = BookingKey & {
  holdId: string;
  phase: Phase;
  /** Work on it, or its hold, should have ended more than a minute ago. */
  overdue: boolean;
  /** It was paid, and stands in a phase before that. */
  backwards: boolean;
  /** What is being given back, or was paid last. */
  paymentId: string | null;
  /** Its phase and its attempts to pay contradict each other. */
  contradictory: boolean;
  /** It is confirmed and has not one ticket for each place, or it is not and one of its tickets is live. */
  mistaken: boolean;
  /** Its refunds are not what it says was paid back, or what they took is not what its tickets say. */
  miscounted: boolean;
  /** Places that no refund took. */
  placesLeft: number;
};

/** A finished attempt to pay something that has a price. */
export type AuditedCheckout = BookingKey & {
  idempotencyKey: string;
  paymentId: string;
  outcome: CheckoutOutcome;
  phase: Phase;
  /** What the booking's refunds pay back together. */
  refundedMinor: number;
};

/** Rows of one event after a key, or some rows by their keys. */
export type AuditQuery<Row> = { eventId: string | undefined; after: Row | undefined; limit: number } | { rows: Row[] };

const overdueAfter = "60 seconds";

/** Returns bookings in key order. */
export async function auditBookings(sql: Sql, query: AuditQuery<AuditedBooking>): Promise<AuditedBooking[]> {
  return await sql<AuditedBooking[]>`
    select r.event_id as "eventId", r.reservation_id as "reservationId",
      coalesce(r.hold_id, r.reservation_id) as "holdId", r.phase, r.payment_id as "paymentId",
      (r.next_attempt_at is not null or r.phase = ${Phase.held})
        -- While the provider is unclear, an authorisation may take as long as the hold lasts.
        and greatest(r.phase_at, case when r.phase in (${Phase.held}, ${Phase.authorizing}) then r.hold_expires_at end)
          < clock_timestamp() - ${overdueAfter}::interval as overdue,
      attempt.paid and r.phase not in (${Phase.confirmed}, ${Phase.partRefunding}, ${Phase.refunding}, ${Phase.refunded})
        as backwards,
      (r.confirmed_at is not null and not attempt.paid)
        or attempt.running <> (r.phase in (${Phase.authorizing}, ${Phase.capturing}, ${Phase.voiding})) as contradictory,
      case when r.phase in (${Phase.confirmed}, ${Phase.partRefunding}) then ticket.issued <> r.quantity
        else ticket.live > 0 end as mistaken,
      ticket.kept as "placesLeft",
      refund.paid_back <> r.refunded_minor
        -- What was never confirmed had no tickets to take.
        or (r.confirmed_at is not null and refund.returned <> r.unit_price_minor * ticket.taken) as miscounted
    from reservation.reservation r
    cross join lateral (
      select coalesce(bool_or(c.outcome = 1), false) as paid, coalesce(bool_or(c.outcome is null), false) as running
      from reservation.checkout c
      where c.event_id = r.event_id and c.reservation_id = r.reservation_id
    ) as attempt
    cross join lateral (
      select count(*) as issued, count(*) filter (where t.revoked_at is null) as live,
        count(*) filter (where t.refund_id is null) as kept, count(t.refund_id) as taken
      from reservation.ticket t
      where t.event_id = r.event_id and t.reservation_id = r.reservation_id
    ) as ticket
    cross join lateral (
      select coalesce(sum(f.amount_minor), 0) as paid_back, coalesce(sum(f.returned_minor), 0) as returned
      from reservation.refund f
      where f.event_id = r.event_id and f.reservation_id = r.reservation_id
    ) as refund
    where ${
      "rows" in query
        ? sql`(r.event_id, r.reservation_id) in (
            select * from unnest(
              ${query.rows.map((row) => row.eventId)}::uuid[], ${query.rows.map((row) => row.reservationId)}::uuid[]))`
        : sql`
          ${query.eventId === undefined ? sql`true` : sql`r.event_id = ${query.eventId}`}
          ${
            query.after === undefined
              ? sql``
              : sql`and (r.event_id, r.reservation_id) > (${query.after.eventId}::uuid, ${query.after.reservationId}::uuid)`
          }
          order by r.event_id, r.reservation_id
          limit ${query.limit}`
    }`;
}

/** Returns finished attempts in key order. */
export async function auditCheckouts(sql: Sql, query: AuditQuery<AuditedCheckout>): Promise<AuditedCheckout[]> {
  return await sql<AuditedCheckout[]>`
    select c.event_id as "eventId", c.reservation_id as "reservationId", c.idempotency_key as "idempotencyKey",
      c.payment_id as "paymentId", c.outcome, r.phase, r.refunded_minor as "refundedMinor"
    from reservation.checkout c join reservation.reservation r using (event_id, reservation_id)
    where c.outcome is not null and r.unit_price_minor > 0 and ${
      "rows" in query
        ? sql`(c.event_id, c.reservation_id, c.idempotency_key) in (
            select * from unnest(
              ${query.rows.map((row) => row.eventId)}::uuid[], ${query.rows.map((row) => row.reservationId)}::uuid[],
              ${query.rows.map((row) => row.idempotencyKey)}::text[]))`
        : sql`
          ${query.eventId === undefined ? sql`true` : sql`c.event_id = ${query.eventId}`}
          ${
            query.after === undefined
              ? sql``
              : sql`
                and (c.event_id, c.reservation_id, c.idempotency_key)
                  > (${query.after.eventId}::uuid, ${query.after.reservationId}::uuid, ${query.after.idempotencyKey})`
          }
          order by c.event_id, c.reservation_id, c.idempotency_key
          limit ${query.limit}`
    }`;
}
