// What happened to a booking's tickets and at the doors, in words.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { countText, type Told } from "#shared/story";
import type { AdmissionRecord, BookingHistory, TicketRecord, TransferRecord } from "./booking-history.ts";

/** Returns what happened to the tickets of a booking, in no order. */
export function ticketEntries({ tickets, transfers, admissions }: BookingHistory): Told[] {
  const byId = new Map(tickets.map((ticket) => [ticket.ticketId, ticket]));
  return [
    ...issuedEntries(tickets),
    ...transfers.map((transfer) => transferredEntry(transfer, byId.get(transfer.ticketId)!)),
    ...tickets.flatMap(revokedEntries),
    ...admissions.map((admission) => admittedEntry(admission, byId.get(admission.ticketId)!)),
  ];
}

/** Returns how often a ticket was transferred: its epoch moves on with each transfer, and with its revocation. */
export function transfersOf({ epoch, revokedAt }: TicketRecord): number {
  return epoch - (revokedAt ? 2 : 1);
}

// One statement issues the tickets of a booking.
function issuedEntries(tickets: readonly TicketRecord[]): Told[] {
  const [first] = tickets;
  if (!first) return [];
  return [
    {
      kind: StoryKind.TICKETS_ISSUED,
      at: first.issuedAt,
      text: `${countText(tickets.length, "ticket")} issued: ${tickets.map(placeText).join(", ")}.`,
      ids: { reservation_id: first.reservationId },
    },
  ];
}

function transferredEntry(transfer: TransferRecord, ticket: TicketRecord): Told {
  const { customerId, receiverId, epoch, transferredAt } = transfer;
  return {
    kind: StoryKind.TICKET_TRANSFERRED,
    at: transferredAt,
    text: `The ticket for ${placeText(ticket)} was given by ${customerId} to customer ${receiverId} (transfer ${epoch}).`,
    ids: { ...idsOf(ticket), customer_id: receiverId },
  };
}

function revokedEntries(ticket: TicketRecord): Told[] {
  if (!ticket.revokedAt) return [];
  const text = `The ticket for ${placeText(ticket)} was revoked: ${ticket.revokeReason}.`;
  // One that was revoked before its refund came keeps the reason of then.
  const refund = ticket.refundId !== null && ticket.revokeReason === "refunded" ? { refund_id: ticket.refundId } : {};
  return [{ kind: StoryKind.TICKET_REVOKED, at: ticket.revokedAt, text, ids: { ...idsOf(ticket), ...refund } }];
}

function admittedEntry(admission: AdmissionRecord, ticket: TicketRecord): Told {
  const { gate, deviceId, offline, isFirst, admittedAt } = admission;
  const who = isFirst
    ? `Somebody was let in with the ticket for ${placeText(ticket)}`
    : `Somebody else was let in with the same ticket, for ${placeText(ticket)}: a double admission`;
  return {
    kind: StoryKind.TICKET_ADMITTED,
    at: admittedAt,
    text: `${who}, at gate ${gate} by ${deviceId}${offline ? ", which was offline and handed it in later" : ""}.`,
    ids: { ...idsOf(ticket), device_id: deviceId, gate },
  };
}

/** Returns the place that a ticket is for, e.g. `A-12`, `place 2`. */
export function placeText({ seatRow, seatNumber, place }: TicketRecord): string {
  return seatRow === null ? `place ${place}` : `${seatRow}-${seatNumber}`;
}

function idsOf({ reservationId, ticketId }: TicketRecord): Record<string, string> {
  return { reservation_id: reservationId, ticket_id: ticketId };
}
