// Refunds. Each begins in a transaction with the booking and its tickets locked, so that of two that race one comes second,
// and no gate lets a ticket in that is being given back.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { Phase, type Booking, type BookingKey } from "../domain/booking.ts";
import {
  isRepeat,
  namedTickets,
  planRefund,
  type OwnerRule,
  type Refund,
  type RefundableTicket,
  type RefundPlan,
  type RefundRequest,
} from "../domain/refund.ts";
import { lockTickets } from "../tickets/store/change-tickets.ts";
import { bookingColumns } from "./booking-columns.ts";

/** What became of a request. */
export type BeginOutcome =
  /** Written now: the booking as it stands then. */
  | { kind: "begun"; booking: Booking }
  /** Written before. */
  | { kind: "known"; refund: Refund }
  | { kind: "notFound" | "keyReused" }
  | Exclude<RefundPlan, { kind: "begin" }>;

/** Who asks for a refund: the booking's customer within the event's rules, or an organiser. */
export type Asker = { kind: "organiser" } | { kind: "owner"; refundUntil: Date };

/** The rest of a booking, once a refund has taken its places. */
export type Rest = { places: number; seats: { row: string; number: number }[] };

/** A refund that is running, and what the booking keeps. */
export type RunningRefund = RunningRefundRow & { rest: Rest };

type RunningRefundRow = Pick<Refund, "kind" | "amountMinor" | "returnedMinor" | "keepBlocked">;

/** Writes the first step of a refund, unless it is written: the phase, the refund, the tickets that it revokes. */
export async function beginRefund(
  sql: Sql,
  request: RefundRequest,
  { asker, leaseMs }: { asker: Asker; leaseMs: number },
): Promise<BeginOutcome> {
  return await transact(sql, async (tx): Promise<BeginOutcome> => {
    const booking = await lockBooking(tx, request);
    if (!booking) return { kind: "notFound" };
    const known = await readRefund(tx, request);
    if (known) return isRepeat(known, request, booking) ? { kind: "known", refund: known } : { kind: "keyReused" };
    const tickets = await lockAndReadTickets(tx, request);
    const owner = asker.kind === "owner" ? await ownerRule(tx, asker.refundUntil) : undefined;
    const plan = planRefund(booking, tickets, { wish: request.wish, owner });
    if (plan.kind !== "begin") return plan;
    // Another booking of the event may take this id at the same moment.
    if (!(await insertRefund(tx, request, plan))) return { kind: "keyReused" };
    await takeTickets(tx, request, plan.ticketIds);
    const [begun] = await tx<Booking[]>`
      update reservation.reservation r
      set phase = ${plan.to}, phase_at = clock_timestamp(), attempts = 0, refund_id = ${request.refundId},
        refunded_minor = r.refunded_minor + ${plan.amountMinor},
        next_attempt_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
      where r.event_id = ${request.eventId} and r.reservation_id = ${request.reservationId}
      returning ${bookingColumns(tx)}`;
    return { kind: "begun", booking: begun! };
  });
}

/** Returns the refund with this id, if there is one. */
export async function readRefund(
  sql: Sql | Transaction,
  { eventId, refundId }: Pick<RefundRequest, "eventId" | "refundId">,
): Promise<Refund | undefined> {
  const [refund] = await sql<Refund[]>`
    select f.event_id as "eventId", f.refund_id as "refundId", f.reservation_id as "reservationId", f.reason,
      f.keep_blocked as "keepBlocked", f.requested_by as "requestedBy", f.kind, f.ticket_ids as "ticketIds",
      f.amount_minor as "amountMinor", f.returned_minor as "returnedMinor", f.created_at as "createdAt"
    from reservation.refund f
    where f.event_id = ${eventId} and f.refund_id = ${refundId}`;
  return refund;
}

/**
 * Returns the refund that a booking's step is about, and what the booking keeps; undefined once that refund has ended. In one
 * statement: the next refund takes its tickets as soon as this one has ended, and its places are not this one's to give back.
 */
export async function readRunningRefund(
  sql: Sql,
  { eventId, reservationId, refundId }: Booking,
): Promise<RunningRefund | undefined> {
  const rows = await sql<(RunningRefundRow & { place: number | null; row: string | null; number: number | null })[]>`
    select f.kind, f.amount_minor as "amountMinor", f.returned_minor as "returnedMinor",
      f.keep_blocked as "keepBlocked", t.place, t.seat_row as row, t.seat_number as number
    from reservation.reservation r
    join reservation.refund f on f.event_id = r.event_id and f.refund_id = r.refund_id
    left join reservation.ticket t
      on t.event_id = r.event_id and t.reservation_id = r.reservation_id and t.refund_id is null
    where r.event_id = ${eventId} and r.reservation_id = ${reservationId} and r.refund_id = ${refundId}
      and r.phase in (${Phase.refunding}, ${Phase.partRefunding})
    order by t.place`;
  const [first] = rows;
  if (!first) return undefined;
  const { kind, amountMinor, returnedMinor, keepBlocked } = first;
  const seats = rows.flatMap(({ row, number }) => (row === null || number === null ? [] : [{ row, number }]));
  const places = rows.filter(({ place }) => place !== null).length;
  return { kind, amountMinor, returnedMinor, keepBlocked, rest: { places, seats } };
}

async function lockBooking(tx: Transaction, { eventId, reservationId }: BookingKey): Promise<Booking | undefined> {
  const [booking] = await tx<Booking[]>`
    select ${bookingColumns(tx)}
    from reservation.reservation r
    where r.event_id = ${eventId} and r.reservation_id = ${reservationId}
    for update`;
  return booking;
}

// Locked as gates lock them; read by a statement after that, which sees whom a gate let in while this one waited.
async function lockAndReadTickets(
  tx: Transaction,
  { eventId, reservationId }: BookingKey,
): Promise<RefundableTicket[]> {
  const keys = await tx<{ ticketId: string }[]>`
    select ticket_id as "ticketId" from reservation.ticket
    where event_id = ${eventId} and reservation_id = ${reservationId}`;
  const ticketIds = keys.map(({ ticketId }) => ticketId);
  await lockTickets(tx, { eventId, ticketIds });
  return await tx<RefundableTicket[]>`
    select t.ticket_id as "ticketId", t.refund_id as "refundId", exists (
        select from reservation.admission a where a.event_id = t.event_id and a.ticket_id = t.ticket_id
      ) as "isAdmitted"
    from reservation.ticket t
    where t.event_id = ${eventId} and t.ticket_id = any(${ticketIds}::uuid[])`;
}

async function ownerRule(tx: Transaction, refundUntil: Date): Promise<OwnerRule> {
  const [rule] = await tx<OwnerRule[]>`
    select ${refundUntil.toISOString()}::timestamptz <= clock_timestamp() as "isTimeOver"`;
  return rule!;
}

async function insertRefund(
  tx: Transaction,
  request: RefundRequest,
  { amountMinor, returnedMinor }: Pick<Refund, "amountMinor" | "returnedMinor">,
): Promise<boolean> {
  const { eventId, refundId, reservationId, reason, keepBlocked, requestedBy, wish } = request;
  const { count } = await tx`
    insert into reservation.refund (event_id, refund_id, reservation_id, reason, keep_blocked, requested_by, kind,
      ticket_ids, amount_minor, returned_minor)
    values (${eventId}, ${refundId}, ${reservationId}, ${reason}, ${keepBlocked}, ${requestedBy}, ${wish.kind},
      ${namedTickets(wish)}::uuid[], ${amountMinor}, ${returnedMinor})
    on conflict do nothing`;
  return count === 1;
}

async function takeTickets(
  tx: Transaction,
  { eventId, refundId }: RefundRequest,
  ticketIds: readonly string[],
): Promise<void> {
  if (ticketIds.length === 0) return;
  // One that was revoked before keeps its reason, and its epoch has moved on already.
  await tx`
    update reservation.ticket t
    set refund_id = ${refundId}, revoked_at = coalesce(t.revoked_at, clock_timestamp()),
      revoke_reason = coalesce(t.revoke_reason, 'refunded'),
      epoch = t.epoch + case when t.revoked_at is null then 1 else 0 end,
      epoch_at = case when t.revoked_at is null then clock_timestamp() else t.epoch_at end
    where t.event_id = ${eventId} and t.ticket_id = any(${ticketIds as string[]}::uuid[])`;
}
