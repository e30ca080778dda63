import type { Sql, Transaction } from "#shared/sql";
import type { Revocation } from "../domain/revocation-list.ts";
import type { Ticket, TicketKey } from "../domain/ticket.ts";
import { ticketColumns } from "./ticket-columns.ts";

/** Returns those of an event's tickets that exist among `ticketIds`, in no order. */
export async function readTickets(
  sql: Sql | Transaction,
  { eventId, ticketIds }: { eventId: string; ticketIds: readonly string[] },
): Promise<Ticket[]> {
  return await sql<Ticket[]>`
    select ${ticketColumns(sql)}
    from reservation.ticket t
    where t.event_id = ${eventId} and t.ticket_id = any(${ticketIds as string[]}::uuid[])`;
}

/** Returns a ticket, or undefined. */
export async function readTicket(sql: Sql | Transaction, key: TicketKey): Promise<Ticket | undefined> {
  return (await readTickets(sql, { eventId: key.eventId, ticketIds: [key.ticketId] }))[0];
}

/** Where a page of a customer's tickets begins: after this one. */
export type TicketCursor = Pick<Ticket, "eventId" | "reservationId" | "place">;

/** Returns up to `limit` tickets of a customer: newest event and booking first, a booking's tickets by their places. */
export async function listTickets(
  sql: Sql,
  options: {
    customerId: string;
    eventId: string | undefined;
    reservationId: string | undefined;
    after: TicketCursor | undefined;
    limit: number;
  },
): Promise<Ticket[]> {
  const { customerId, eventId, reservationId, after, limit } = options;
  const ofEvent = eventId === undefined ? sql`` : sql`and t.event_id = ${eventId}`;
  const ofBooking = reservationId === undefined ? sql`` : sql`and t.reservation_id = ${reservationId}`;
  const fromThere =
    after === undefined
      ? sql``
      : sql`
        and (t.event_id, t.reservation_id) <= (${after.eventId}::uuid, ${after.reservationId}::uuid)
        and ((t.event_id, t.reservation_id) <> (${after.eventId}::uuid, ${after.reservationId}::uuid)
          or t.place > ${after.place})`;
  return await sql<Ticket[]>`
    select ${ticketColumns(sql)}
    from reservation.ticket t
    where t.customer_id = ${customerId} ${ofEvent} ${ofBooking} ${fromThere}
    order by t.event_id desc, t.reservation_id desc, t.place
    limit ${limit}`;
}

/** Returns up to `limit` tickets of a booking, whoever's they are, by their places, after the given one. */
export async function listReservationTickets(
  sql: Sql,
  { eventId, reservationId }: Pick<Ticket, "eventId" | "reservationId">,
  { afterPlace, limit }: { afterPlace: number; limit: number },
): Promise<Ticket[]> {
  return await sql<Ticket[]>`
    select ${ticketColumns(sql)}
    from reservation.ticket t
    where t.event_id = ${eventId} and t.reservation_id = ${reservationId} and t.place > ${afterPlace}
    order by t.place
    limit ${limit}`;
}

/** Returns up to `limit` tickets of an event whose earlier codes are void, by id, after the given one. */
export async function listRevocations(
  sql: Sql,
  { eventId, afterTicketId, limit }: { eventId: string; afterTicketId: string | undefined; limit: number },
): Promise<Revocation[]> {
  return await sql<Revocation[]>`
    select t.ticket_id as "ticketId", t.epoch
    from reservation.ticket t
    where t.event_id = ${eventId} and t.epoch > 1
      ${afterTicketId === undefined ? sql`` : sql`and t.ticket_id > ${afterTicketId}`}
    order by t.ticket_id
    limit ${limit}`;
}
