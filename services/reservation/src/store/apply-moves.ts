// Every later step of a booking: moves of the state machine, many in one statement, each only while the booking still
// stands where it was decided. What is due is compared with now(), which an index can find; clock_timestamp() would have to
// be asked again for every row that is not due.

import type { Sql } from "#shared/sql";
import { Phase, type Booking, type BookingKey, type EndReason } from "../domain/booking.ts";
import type { CheckoutOutcome, EventType } from "../domain/transition.ts";
import { bookingColumns, eventMessage } from "./booking-columns.ts";

/** A step to be written. */
export type Move = {
  /** As it stood when the step was decided. */
  from: Pick<Booking, "eventId" | "reservationId" | "phase" | "paymentId" | "refundId" | "attempts" | "nextActionUrl">;
  /** The same phase for a further try of its calls. */
  to: Phase;
  /** Milliseconds until somebody else carries on; null when nothing is left to do. */
  leaseMs: number | null;
  /** Only while the hold is alive by the database's clock. */
  ifAlive?: boolean;
  holdExpiresAt?: Date | undefined;
  /**
   * Where the customer has to go; forgotten with the phase, or when they have acted. Not written, nor the rest of the step, where
   * another run has written since: the customer may have been there already.
   */
  nextActionUrl?: string | undefined;
  hasActed?: boolean | undefined;
  /** Another hold instead of the reservation's own; only one ever takes its place. */
  holdId?: string | undefined;
  endReason?: EndReason | undefined;
  /** A refund of everything, which begins with this step. */
  refundId?: string | undefined;
  outcome?: CheckoutOutcome | undefined;
  declineReason?: string | undefined;
  event?: EventType | undefined;
};

/**
 * Writes steps in one transaction: the bookings, how their attempts and refunds ended, the tickets that a confirmation
 * makes, the refund of what was never confirmed, what is to be published. Returns each booking as it stands after its
 * step, or undefined where it had moved on before: then nothing of that step is written.
 */
export async function applyMoves(sql: Sql, moves: readonly Move[]): Promise<(Booking | undefined)[]> {
  const rows = await sql<(Booking & { item: number })[]>`
    with item as (
      select * from unnest(
        ${moves.map((_, index) => index)}::int[],
        ${moves.map((move) => move.from.eventId)}::uuid[],
        ${moves.map((move) => move.from.reservationId)}::uuid[],
        ${moves.map((move) => move.from.phase)}::smallint[],
        ${moves.map((move) => move.from.paymentId)}::uuid[],
        ${moves.map((move) => move.from.refundId)}::uuid[],
        ${moves.map((move) => move.from.attempts)}::int[],
        ${moves.map((move) => move.from.nextActionUrl)}::text[],
        ${moves.map((move) => move.to)}::smallint[],
        ${moves.map((move) => move.leaseMs)}::int[],
        ${moves.map((move) => (move.ifAlive ? 1 : 0))}::int[],
        ${moves.map((move) => move.holdExpiresAt?.toISOString() ?? null)}::timestamptz[],
        ${moves.map((move) => move.nextActionUrl ?? null)}::text[],
        ${moves.map((move) => (move.hasActed ? 1 : 0))}::int[],
        ${moves.map((move) => move.holdId ?? null)}::uuid[],
        ${moves.map((move) => move.endReason ?? null)}::smallint[],
        ${moves.map((move) => move.refundId ?? null)}::uuid[],
        ${moves.map((move) => move.outcome ?? null)}::smallint[],
        ${moves.map((move) => move.declineReason ?? null)}::text[],
        ${moves.map((move) => move.event ?? null)}::text[])
        as item (item, event_id, reservation_id, from_phase, from_payment_id, from_refund_id, from_attempts,
          from_next_action_url, to_phase, lease_ms, if_alive, new_hold_expires_at, new_next_action_url, has_acted, new_hold_id, new_end_reason, new_refund_id,
          outcome, decline_reason, event_type)
    ), locked as materialized (
      -- In key order, so that batches which overlap wait for each other instead of deadlocking. Every later part goes on
      -- from these rows: joined to "item" again by nothing but loops, a batch of 100 took 40 ms instead of 10.
      select item.*
      from item join reservation.reservation r using (event_id, reservation_id)
      order by event_id, reservation_id
      for update of r
    ), moved as (
      update reservation.reservation r
      set phase = l.to_phase,
        phase_at = case when l.to_phase = l.from_phase then r.phase_at else clock_timestamp() end,
        -- A look that found the customer still away was no failure, and must not slow down what follows.
        attempts = case
          when l.to_phase = l.from_phase and l.new_next_action_url is null then least(r.attempts + 1, 1000)
          else 0
        end,
        next_attempt_at = clock_timestamp() + l.lease_ms * interval '1 millisecond',
        payment_method_token = case when l.to_phase = ${Phase.authorizing} then r.payment_method_token end,
        hold_expires_at = coalesce(l.new_hold_expires_at, r.hold_expires_at),
        next_action_url = case
          when l.to_phase = ${Phase.authorizing} and l.has_acted = 0 then coalesce(l.new_next_action_url, r.next_action_url)
        end,
        -- The first one stays: another runner may have sold its seats already.
        hold_id = coalesce(r.hold_id, l.new_hold_id),
        end_reason = coalesce(l.new_end_reason, r.end_reason),
        refund_id = coalesce(l.new_refund_id, r.refund_id),
        refunded_minor = case when l.new_refund_id is null then r.refunded_minor else r.unit_price_minor * r.quantity end,
        confirmed_at = case when l.to_phase = ${Phase.confirmed} then coalesce(r.confirmed_at, clock_timestamp())
          else r.confirmed_at end
      from locked l
      where r.event_id = l.event_id and r.reservation_id = l.reservation_id
        and r.phase = l.from_phase
        and r.payment_id is not distinct from l.from_payment_id
        and r.refund_id is not distinct from l.from_refund_id
        and (l.if_alive = 0 or r.hold_expires_at > clock_timestamp())
        and (l.new_next_action_url is null
          or (r.attempts, r.next_action_url) is not distinct from (l.from_attempts, l.from_next_action_url))
      returning r.*, l.item, l.from_phase, l.outcome, l.decline_reason, l.event_type, l.new_refund_id
    ), settled as (
      update reservation.checkout c
      set outcome = m.outcome, decline_reason = m.decline_reason, ended_at = m.phase_at
      from moved m
      where m.outcome is not null and c.event_id = m.event_id and c.reservation_id = m.reservation_id
        and c.payment_id = m.payment_id
    ), ended as (
      update reservation.refund f
      set ended_at = m.phase_at
      from moved m
      where m.from_phase in (${Phase.refunding}, ${Phase.partRefunding}) and m.phase <> m.from_phase
        and f.event_id = m.event_id and f.refund_id = m.refund_id
    ), issued as (
      -- The places are those of the booking itself, so that no confirmation can be written without its tickets.
      insert into reservation.ticket (event_id, reservation_id, place, area_id, seat_row, seat_number, customer_id)
      select m.event_id, m.reservation_id, p.place, m.area_id, p.seat_row, p.seat_number, m.customer_id
      from moved m
      cross join lateral reservation.places_of(m.seats, m.quantity) as p
      where m.phase = ${Phase.confirmed} and m.from_phase <> ${Phase.partRefunding}
      on conflict on constraint ticket_one_per_place do nothing
    ), refunds as (
      insert into reservation.refund (event_id, refund_id, reservation_id, reason, keep_blocked, requested_by, kind,
        amount_minor, returned_minor)
      select m.event_id, m.new_refund_id, m.reservation_id, 'captured after the seats were lost', false, 'reservation',
        'whole', m.refunded_minor, m.refunded_minor
      from moved m
      where m.new_refund_id is not null
    ), announced as (
      insert into reservation.outbox (event_id, messages)
      select r.event_id, json_agg(${eventMessage(sql, sql`r.event_type`)})
      from moved r
      where r.event_type is not null
      group by r.event_id
    )
    select r.item, ${bookingColumns(sql)} from moved r`;
  const outcomes = new Array<Booking | undefined>(moves.length);
  for (const { item, ...booking } of rows) outcomes[item] = booking;
  return outcomes;
}

/** Keeps others away from bookings that still stand in their phase for at least `leaseMs` from now. */
export async function renewLeases(
  sql: Sql,
  bookings: readonly Pick<Booking, "eventId" | "reservationId" | "phase">[],
  { leaseMs }: { leaseMs: number },
): Promise<void> {
  await sql`
    with mine as materialized (
      -- What is locked is being moved, and gets a lease with that.
      select r.event_id, r.reservation_id
      from reservation.reservation r
      join unnest(
        ${bookings.map((booking) => booking.eventId)}::uuid[],
        ${bookings.map((booking) => booking.reservationId)}::uuid[],
        ${bookings.map((booking) => booking.phase)}::smallint[])
        as item (event_id, reservation_id, phase) using (event_id, reservation_id, phase)
      where r.next_attempt_at < clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
      for update of r skip locked
    )
    update reservation.reservation r
    set next_attempt_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
    from mine
    where r.event_id = mine.event_id and r.reservation_id = mine.reservation_id`;
}

/**
 * Takes up to `limit` unfinished bookings that nobody has worked on in time, and keeps others away from them for
 * `leaseMs`. Rows that another replica is claiming are skipped.
 */
export async function claimUnfinished(
  sql: Sql,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<Booking[]> {
  return await sql<Booking[]>`
    update reservation.reservation r
    set next_attempt_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
    where (r.event_id, r.reservation_id) in (
      select event_id, reservation_id
      from reservation.reservation
      where next_attempt_at <= now()
      order by next_attempt_at
      limit ${limit}
      for update skip locked)
    returning ${bookingColumns(sql)}`;
}

/**
 * Takes a booking that waits for its customer to act, or for its refund, and keeps others away from it for `leaseMs`. Undefined
 * where it waits for nothing of that kind. One that waits for its customer is not taken where it is due later than in
 * `dueWithinMs`, since it was asked about a moment ago; one whose refund is due within `leaseMs` is not, since somebody works on
 * it, or will by then.
 */
export async function claimWaiting(
  sql: Sql,
  { eventId, reservationId }: BookingKey,
  { leaseMs, dueWithinMs }: { leaseMs: number; dueWithinMs: number },
): Promise<Booking | undefined> {
  const [booking] = await sql<Booking[]>`
    update reservation.reservation r
    set next_attempt_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
    where r.event_id = ${eventId} and r.reservation_id = ${reservationId}
      and (
        (r.phase in (${Phase.refunding}, ${Phase.partRefunding})
          and r.next_attempt_at > clock_timestamp() + ${leaseMs}::int * interval '1 millisecond')
        or (r.phase = ${Phase.authorizing} and r.next_action_url is not null
          and r.next_attempt_at <= clock_timestamp() + ${dueWithinMs}::int * interval '1 millisecond'))
    returning ${bookingColumns(sql)}`;
  return booking;
}

/** Ends up to `limit` held bookings whose hold has lapsed by the database's clock. Returns how many it ended. */
export async function expireLapsed(sql: Sql, { limit }: { limit: number }): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    with lapsed as materialized (
      select event_id, reservation_id
      from reservation.reservation
      where phase = ${Phase.held} and hold_expires_at <= now()
      order by hold_expires_at
      limit ${limit}
      for update skip locked
    ), expired as (
      update reservation.reservation r
      set phase = ${Phase.expired}, phase_at = clock_timestamp()
      from lapsed
      where r.event_id = lapsed.event_id and r.reservation_id = lapsed.reservation_id
      returning r.*
    ), announced as (
      insert into reservation.outbox (event_id, messages)
      select r.event_id, json_agg(${eventMessage(sql, sql`'reservation.expired'`)})
      from expired r
      group by r.event_id
    )
    select count(*)::int as count from expired`;
  return row!.count;
}
