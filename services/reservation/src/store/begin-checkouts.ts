// The first written step of the saga: held → authorizing, with the attempt's row, before the provider hears of it.

import type { Sql } from "#shared/sql";
import { checkoutsMax, keyOf, Phase, type Booking, type BookingKey } from "../domain/booking.ts";
import type { Checkout } from "../domain/checkout.ts";
import { bookingColumns } from "./booking-columns.ts";

/** An attempt to be begun. */
export type NewCheckout = BookingKey & {
  customerId: string;
  idempotencyKey: string;
  /** The payment's id if the attempt begins. */
  paymentId: string;
  paymentMethodToken: string;
  tokenDigest: string;
};

/** Whether it began; if not, what stands there instead. */
export type BeginOutcome =
  | { kind: "begun"; booking: Booking }
  | { kind: "notBegun"; booking: Booking | undefined; checkout: Checkout | undefined };

/**
 * Begins attempts, each only where the booking is the customer's, held, alive by the database's clock, below its number
 * of attempts, and the key is new. `leaseMs` is how long the reconciler leaves them alone. Answers in order.
 */
export async function beginCheckouts(
  sql: Sql,
  items: readonly NewCheckout[],
  { leaseMs }: { leaseMs: number },
): Promise<BeginOutcome[]> {
  const begun = await sql<Booking[]>`
    with item as (
      select * from unnest(
        ${items.map((item) => item.eventId)}::uuid[],
        ${items.map((item) => item.reservationId)}::uuid[],
        ${items.map((item) => item.customerId)}::text[],
        ${items.map((item) => item.idempotencyKey)}::text[],
        ${items.map((item) => item.paymentId)}::uuid[],
        ${items.map((item) => item.paymentMethodToken)}::text[],
        ${items.map((item) => item.tokenDigest)}::text[])
        as item (event_id, reservation_id, customer_id, idempotency_key, payment_id, payment_method_token, token_digest)
    ), locked as materialized (
      -- In key order, so that batches which overlap wait for each other instead of deadlocking.
      select r.event_id, r.reservation_id
      from reservation.reservation r
      where (r.event_id, r.reservation_id) in (select event_id, reservation_id from item)
      order by r.event_id, r.reservation_id
      for update
    ), begun as (
      update reservation.reservation r
      set phase = ${Phase.authorizing}, phase_at = clock_timestamp(), attempts = 0,
        checkout_count = r.checkout_count + 1, payment_id = item.payment_id,
        payment_method_token = item.payment_method_token,
        next_attempt_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
      from locked join item using (event_id, reservation_id)
      where r.event_id = locked.event_id and r.reservation_id = locked.reservation_id
        and r.customer_id = item.customer_id
        and r.phase = ${Phase.held}
        and r.hold_expires_at > clock_timestamp()
        and r.checkout_count < ${checkoutsMax}
        and not exists (
          select from reservation.checkout c
          where c.event_id = item.event_id and c.reservation_id = item.reservation_id
            and c.idempotency_key = item.idempotency_key)
      returning r.*
    ), written as (
      insert into reservation.checkout (event_id, reservation_id, idempotency_key, payment_id, token_digest)
      select item.event_id, item.reservation_id, item.idempotency_key, item.payment_id, item.token_digest
      from begun join item using (event_id, reservation_id, payment_id)
    )
    select ${bookingColumns(sql)} from begun r`;

  const begunByPayment = new Map(begun.map((booking) => [booking.paymentId, booking]));
  const others = items.filter((item) => !begunByPayment.has(item.paymentId));
  const explained = others.length > 0 ? await explain(sql, others) : undefined;
  return items.map((item) => {
    const booking = begunByPayment.get(item.paymentId);
    if (booking) return { kind: "begun", booking };
    const standing = explained!.bookings.get(keyOf(item));
    if (standing?.customerId !== item.customerId) return { kind: "notBegun", booking: undefined, checkout: undefined };
    const checkout = explained!.checkouts.get(`${keyOf(item)}/${item.idempotencyKey}`);
    return { kind: "notBegun", booking: standing, checkout };
  });
}

async function explain(sql: Sql, items: readonly NewCheckout[]) {
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
        ${items.map((item) => item.eventId)}::uuid[], ${items.map((item) => item.reservationId)}::uuid[]))`;
  const bookings = new Map<string, Booking>();
  const checkouts = new Map<string, Checkout>();
  for (const { checkouts: attempts, ...booking } of rows) {
    bookings.set(keyOf(booking), booking);
    for (const attempt of attempts) checkouts.set(`${keyOf(booking)}/${attempt.idempotencyKey}`, attempt);
  }
  return { bookings, checkouts };
}
