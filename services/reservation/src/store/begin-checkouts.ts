// The first written step of the saga: held → authorizing, with the attempt's row, before the provider hears of it.

import type { Sql } from "#shared/sql";
import { checkoutsMax, Phase, type Booking } from "../domain/booking.ts";
import { bookingColumns } from "./booking-columns.ts";
import { readStandings, type AttemptKey, type Standing } from "./read-standings.ts";

/** An attempt to be begun. */
export type NewCheckout = AttemptKey & {
  /** The payment's id if the attempt begins. */
  paymentId: string;
  paymentMethodToken: string;
  tokenDigest: string;
};

/** Whether it began; if not, what stands there instead. */
export type BeginOutcome = { kind: "begun"; booking: Booking } | ({ kind: "notBegun" } & Standing);

/**
 * Begins attempts, each only where the booking is the customer's, held, alive by the database's clock, below its number
 * of attempts, there is a token or nothing to pay, and the key is new. `leaseMs` is how long the reconciler leaves them alone. Answers in order.
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
        as item (event_id, reservation_id, for_customer_id, idempotency_key, new_payment_id, new_token, token_digest)
    ), locked as materialized (
      -- In key order, so that batches which overlap wait for each other instead of deadlocking.
      select item.*
      from item join reservation.reservation r using (event_id, reservation_id)
      order by event_id, reservation_id
      for update of r
    ), begun as (
      update reservation.reservation r
      set phase = ${Phase.authorizing}, phase_at = clock_timestamp(), attempts = 0,
        checkout_count = r.checkout_count + 1, payment_id = l.new_payment_id, payment_method_token = l.new_token,
        next_attempt_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
      from locked l
      where r.event_id = l.event_id and r.reservation_id = l.reservation_id
        and r.customer_id = l.for_customer_id
        and r.phase = ${Phase.held}
        and r.hold_expires_at > clock_timestamp()
        and r.checkout_count < ${checkoutsMax}
        and (l.new_token <> '' or r.unit_price_minor = 0)
        and not exists (
          select from reservation.checkout c
          where c.event_id = l.event_id and c.reservation_id = l.reservation_id
            and c.idempotency_key = l.idempotency_key)
      returning r.*, l.idempotency_key, l.token_digest
    ), written as (
      insert into reservation.checkout (event_id, reservation_id, idempotency_key, payment_id, token_digest)
      select event_id, reservation_id, idempotency_key, payment_id, token_digest
      from begun
    )
    select ${bookingColumns(sql)} from begun r`;

  const begunByPayment = new Map(begun.map((booking) => [booking.paymentId, booking]));
  const others = items.filter((item) => !begunByPayment.has(item.paymentId));
  const standings = others.length > 0 ? await readStandings(sql, others) : [];
  const standingByPayment = new Map(others.map((item, index) => [item.paymentId, standings[index]!]));
  return items.map((item) => {
    const booking = begunByPayment.get(item.paymentId);
    return booking ? { kind: "begun", booking } : { kind: "notBegun", ...standingByPayment.get(item.paymentId)! };
  });
}
