// A ticket: the right to one seat or place of a confirmed booking.

/** A ticket. */
export type Ticket = {
  eventId: string;
  ticketId: string;
  /** The booking that it belongs to. */
  reservationId: string;
  /** Which of the booking's places, from 1. */
  place: number;
  areaId: string;
  /** Both null for general admission. */
  seatRow: string | null;
  seatNumber: number | null;
  /** Whose it is now. */
  customerId: string;
  /** Moves on with every transfer and with the revocation; codes of earlier epochs are void. */
  epoch: number;
  /** When it moved on to this epoch. */
  epochAt: Date;
  revokedAt: Date | null;
  issuedAt: Date;
  /** When its holder was first let in. */
  admittedAt: Date | null;
};

/** What names a ticket. */
export type TicketKey = { eventId: string; ticketId: string };

/** Where a ticket stands; the names are those of the proto's TicketState. */
export type TicketState = "VALID" | "ADMITTED" | "REVOKED";

/** Returns where a ticket stands. Once revoked it is REVOKED, whoever was let in before. */
export function ticketStateOf({ revokedAt, admittedAt }: Pick<Ticket, "revokedAt" | "admittedAt">): TicketState {
  if (revokedAt) return "REVOKED";
  return admittedAt ? "ADMITTED" : "VALID";
}
