import type { Sql } from "#shared/sql";
import { Phase, phasesOf, type Booking, type BookingKey, type BookingState } from "../domain/booking.ts";
import { bookingColumns } from "./booking-columns.ts";

/** Returns the bookings that exist among `keys`, in no order. */
export async function readBookings(sql: Sql, keys: readonly BookingKey[]): Promise<Booking[]> {
  return await sql<Booking[]>`
    select ${bookingColumns(sql)}
    from reservation.reservation r
    where (r.event_id, r.reservation_id) in (
      select * from unnest(
        ${keys.map((key) => key.eventId)}::uuid[], ${keys.map((key) => key.reservationId)}::uuid[]))`;
}

/** Returns a customer's booking; undefined where there is none, or it is another customer's. */
export async function readBooking(sql: Sql, key: BookingKey & { customerId: string }): Promise<Booking | undefined> {
  const [booking] = await sql<Booking[]>`
    select ${bookingColumns(sql)}
    from reservation.reservation r
    where r.event_id = ${key.eventId} and r.reservation_id = ${key.reservationId} and r.customer_id = ${key.customerId}`;
  return booking;
}

/** Where a page of a customer's bookings begins: after this one, newest first. */
export type ListCursor = { createdAtMs: number; reservationId: string; eventId: string };

/** Returns up to `limit` bookings of a customer, newest first. Every state where `states` is empty. */
export async function listBookings(
  sql: Sql,
  options: {
    customerId: string;
    eventId: string | undefined;
    states: readonly BookingState[];
    after: ListCursor | undefined;
    limit: number;
  },
): Promise<Booking[]> {
  const { customerId, eventId, states, after, limit } = options;
  const ofEvent = eventId === undefined ? sql`` : sql`and r.event_id = ${eventId}`;
  const inStates =
    states.length === 0
      ? sql``
      : sql`
        and (case when r.phase = ${Phase.held} and r.hold_expires_at <= clock_timestamp() then ${Phase.expired}
          else r.phase end) = any(${states.flatMap(phasesOf)}::smallint[])`;
  const fromThere =
    after === undefined
      ? sql``
      : sql`
        and (r.created_at, r.reservation_id, r.event_id)
          < (${new Date(after.createdAtMs).toISOString()}::timestamptz, ${after.reservationId}::uuid, ${after.eventId}::uuid)`;
  return await sql<Booking[]>`
    select ${bookingColumns(sql)}
    from reservation.reservation r
    where r.customer_id = ${customerId} ${ofEvent} ${inStates} ${fromThere}
    order by r.created_at desc, r.reservation_id desc, r.event_id desc
    limit ${limit}`;
}
