import type { Sql, Transaction } from "#shared/sql";

/** Returns the columns of a Ticket, of a ticket row called `t`. */
export function ticketColumns(sql: Sql | Transaction) {
  return sql`
    t.event_id as "eventId", t.ticket_id as "ticketId", t.reservation_id as "reservationId", t.place,
    t.area_id as "areaId", t.seat_row as "seatRow", t.seat_number as "seatNumber", t.customer_id as "customerId",
    t.epoch, t.epoch_at as "epochAt", t.revoked_at as "revokedAt", t.issued_at as "issuedAt", (
      select min(a.admitted_at) from reservation.admission a
      where a.event_id = t.event_id and a.ticket_id = t.ticket_id
    ) as "admittedAt"`;
}
