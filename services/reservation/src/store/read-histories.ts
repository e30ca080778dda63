// Everything that is kept of bookings, in one snapshot, for whoever asks how they came to stand as they do. The payment
// method's token is left where it is.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import {
  admissionsMax,
  transfersMax,
  type AdmissionRecord,
  type AttemptRecord,
  type BookingHistory,
  type BookingRecord,
  type RefundRecord,
  type TicketRecord,
  type TransferRecord,
  type WaitingEvent,
} from "../domain/booking-history.ts";

/** Most rows of the outbox that are looked through; each has the messages of one statement. */
const outboxRowsMax = 1_000;

type Asked = { eventId: string; reservationIds: readonly string[] };

/** Returns the histories of those of an event's bookings that exist, each asked for by its id or its hold's, in no order. */
export async function readHistories(sql: Sql, { eventId, reservationIds: ids }: Asked): Promise<BookingHistory[]> {
  return await transact(
    sql,
    async (tx) => {
      const bookings = await readRecords(tx, { eventId, ids });
      const asked: Asked = { eventId, reservationIds: bookings.map(({ reservationId }) => reservationId) };
      const attempts = await readAttempts(tx, asked);
      const tickets = await readTickets(tx, asked);
      const transfers = await readTransfers(tx, asked);
      const admissions = await readAdmissions(tx, asked);
      const refunds = await readRefunds(tx, asked);
      const waiting = await readWaiting(tx, asked);
      return bookings.map(({ now, ...booking }): BookingHistory => {
        const ofBooking = <Row extends { reservationId: string }>(rows: readonly Row[]) =>
          rows.filter((row) => row.reservationId === booking.reservationId);
        return {
          booking,
          attempts: ofBooking(attempts),
          tickets: ofBooking(tickets),
          transfers: ofBooking(transfers),
          admissions: ofBooking(admissions),
          refunds: ofBooking(refunds),
          waiting: waiting && ofBooking(waiting).map(({ type }) => type),
          now,
        };
      });
    },
    "isolation level repeatable read read only",
  );
}

async function readRecords(tx: Transaction, { eventId, ids }: { eventId: string; ids: readonly string[] }) {
  return await tx<(BookingRecord & { now: Date })[]>`
    select
      r.event_id as "eventId", r.reservation_id as "reservationId", r.customer_id as "customerId", r.area_id as "areaId",
      r.quantity, r.seats, r.unit_price_minor as "unitPriceMinor", r.currency, r.phase, r.phase_at as "phaseAt",
      r.payment_id as "paymentId", r.refund_id as "refundId", r.refunded_minor as "refundedMinor",
      r.checkout_count as "checkoutCount", r.attempts,
      r.created_at as "createdAt", r.hold_expires_at as "holdExpiresAt", r.confirmed_at as "confirmedAt",
      r.next_action_url as "nextActionUrl", coalesce(r.hold_id, r.reservation_id) as "holdId", r.end_reason as "endReason",
      r.next_attempt_at as "nextAttemptAt", r.hold_expires_at <= clock_timestamp() as lapsed, clock_timestamp() as now
    from reservation.reservation r
    where r.event_id = ${eventId}
      and (r.reservation_id = any(${ids as string[]}::uuid[]) or r.hold_id = any(${ids as string[]}::uuid[]))`;
}

async function readAttempts(tx: Transaction, { eventId, reservationIds }: Asked) {
  return await tx<AttemptRecord[]>`
    select c.event_id as "eventId", c.reservation_id as "reservationId", c.payment_id as "paymentId", c.outcome,
      c.decline_reason as "declineReason", c.created_at as "startedAt", c.ended_at as "endedAt"
    from reservation.checkout c
    where c.event_id = ${eventId} and c.reservation_id = any(${reservationIds as string[]}::uuid[])
    order by c.created_at, c.payment_id`;
}

async function readTickets(tx: Transaction, { eventId, reservationIds }: Asked) {
  return await tx<TicketRecord[]>`
    select t.event_id as "eventId", t.reservation_id as "reservationId", t.ticket_id as "ticketId", t.place,
      t.seat_row as "seatRow", t.seat_number as "seatNumber", t.customer_id as "customerId",
      t.epoch, t.epoch_at as "epochAt", t.issued_at as "issuedAt",
      t.revoked_at as "revokedAt", t.revoke_reason as "revokeReason", t.refund_id as "refundId"
    from reservation.ticket t
    where t.event_id = ${eventId} and t.reservation_id = any(${reservationIds as string[]}::uuid[])
    order by t.reservation_id, t.place`;
}

async function readTransfers(tx: Transaction, { eventId, reservationIds }: Asked) {
  return await tx<TransferRecord[]>`
    select *
    from (
      select f.event_id as "eventId", t.reservation_id as "reservationId", f.ticket_id as "ticketId", f.epoch,
        f.customer_id as "customerId", f.receiver_id as "receiverId", f.transferred_at as "transferredAt",
        row_number() over (partition by t.reservation_id order by f.epoch, t.place) as number
      from reservation.ticket t
      join reservation.transfer f on f.event_id = t.event_id and f.ticket_id = t.ticket_id
      where t.event_id = ${eventId} and t.reservation_id = any(${reservationIds as string[]}::uuid[])
    ) as numbered
    where number <= ${transfersMax}
    order by number`;
}

async function readAdmissions(tx: Transaction, { eventId, reservationIds }: Asked) {
  return await tx<AdmissionRecord[]>`
    select *
    from (
      select a.event_id as "eventId", t.reservation_id as "reservationId", a.ticket_id as "ticketId",
        a.device_id as "deviceId", a.gate, a.admitted_at as "admittedAt", a.offline,
        row_number() over (partition by a.ticket_id order by a.admitted_at, a.device_id, a.nonce) = 1 as "isFirst",
        row_number() over (partition by t.reservation_id order by a.admitted_at, a.device_id, a.nonce) as number
      from reservation.ticket t
      join reservation.admission a on a.event_id = t.event_id and a.ticket_id = t.ticket_id
      where t.event_id = ${eventId} and t.reservation_id = any(${reservationIds as string[]}::uuid[])
    ) as numbered
    where number <= ${admissionsMax}
    order by number`;
}

async function readRefunds(tx: Transaction, { eventId, reservationIds }: Asked) {
  return await tx<RefundRecord[]>`
    select f.event_id as "eventId", f.reservation_id as "reservationId", f.refund_id as "refundId", f.reason, f.kind,
      f.keep_blocked as "keepBlocked", f.requested_by as "requestedBy", f.ticket_ids as "ticketIds",
      f.amount_minor as "amountMinor", f.returned_minor as "returnedMinor", f.created_at as "createdAt",
      f.ended_at as "endedAt"
    from reservation.refund f
    where f.event_id = ${eventId} and f.reservation_id = any(${reservationIds as string[]}::uuid[])
    order by f.created_at, f.refund_id`;
}

// Undefined where the event has more rows than are looked through.
async function readWaiting(tx: Transaction, { eventId, reservationIds }: Asked): Promise<WaitingEvent[] | undefined> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count
    from (select from reservation.outbox where event_id = ${eventId} limit ${outboxRowsMax + 1}) as rows`;
  if (row!.count > outboxRowsMax) return undefined;
  return await tx<WaitingEvent[]>`
    select o.event_id as "eventId", m.message ->> 'reservation_id' as "reservationId", m.message ->> 'type' as type
    from reservation.outbox o
    cross join lateral json_array_elements(o.messages) with ordinality as m (message, position)
    where o.event_id = ${eventId} and m.message ->> 'reservation_id' = any(${reservationIds as string[]}::text[])
    order by o.outbox_id, m.position`;
}
