// Giving a ticket to somebody else.

import { ticketStateOf, type Ticket, type TicketState } from "./ticket.ts";

/** What is asked for. */
export type Transfer = {
  /** Who gives. */
  customerId: string;
  /** The epoch in which the owner saw the ticket; with the receiver the key of the transfer. */
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

/**
 * Returns what becomes of a transfer; `made` is the one that ended the ticket's epoch of that number, if one did. Another
 * customer's ticket is not found, unless this very transfer made it theirs.
 */
export function decideTransfer(
  { ticket, made }: { ticket: Ticket | undefined; made: Transfer | undefined },
  { customerId, epoch, receiverId }: Transfer,
): TransferDecision {
  if (!ticket) return { kind: "notFound" };
  if (made?.customerId === customerId && made.receiverId === receiverId) return { kind: "repeat" };
  if (ticket.customerId !== customerId) return { kind: "notFound" };
  const state = ticketStateOf(ticket);
  if (state !== "VALID") return { kind: "wrongState", state };
  if (ticket.epoch !== epoch || epoch > transfersMax) return { kind: "wrongState", state: "TRANSFERRED" };
  return { kind: "transfer" };
}

/**
 * Returns the ticket as it stood right after a transfer: only valid ones are transferred. What became of it since is no longer
 * the giver's to know.
 */
export function ticketAfter({ epoch, receiverId }: Transfer, ticket: Ticket): Ticket {
  return { ...ticket, customerId: receiverId, epoch: epoch + 1, revokedAt: null, admittedAt: null };
}
