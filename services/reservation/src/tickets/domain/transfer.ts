// Giving a ticket to somebody else.

import { ticketStateOf, type Ticket, type TicketState } from "./ticket.ts";

/** What is asked for. */
export type Transfer = {
  /** Who gives. */
  customerId: string;
  /** The epoch in which the owner saw the ticket; the key of the transfer. */
  epoch: number;
  /** Who gets. */
  receiverId: string;
};

/** What becomes of it. */
export type TransferDecision =
  | { kind: "transfer" }
  /** This very transfer took place before. */
  | { kind: "repeat" }
  | { kind: "notFound" }
  | { kind: "wrongState"; state: TicketState | "TRANSFERRED" };

/** A ticket that has moved on this often stays with its owner: epochs have two bytes in a code. */
export const transfersMax = 1_000;

/** Returns what becomes of a transfer. Another customer's ticket is not found, unless this very transfer made it theirs. */
export function decideTransfer(
  ticket: Ticket | undefined,
  { customerId, epoch, receiverId }: Transfer,
): TransferDecision {
  if (!ticket) return { kind: "notFound" };
  const took =
    ticket.epoch === epoch + 1 && ticket.previousCustomerId === customerId && ticket.customerId === receiverId;
  if (took && !ticket.revokedAt) return { kind: "repeat" };
  if (ticket.customerId !== customerId) return { kind: "notFound" };
  const state = ticketStateOf(ticket);
  if (state !== "VALID") return { kind: "wrongState", state };
  if (ticket.epoch !== epoch || epoch > transfersMax) return { kind: "wrongState", state: "TRANSFERRED" };
  return { kind: "transfer" };
}
