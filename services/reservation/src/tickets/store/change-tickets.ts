// What changes a ticket after it was made. Whoever decides by a ticket locks it first, in a statement of its own: what is read
// by a statement that had to wait for the lock may be older than the lock.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import type { Ticket, TicketKey } from "../domain/ticket.ts";
import { decideTransfer, ticketAfter, type Transfer, type TransferDecision } from "../domain/transfer.ts";
import { readTicket } from "./read-tickets.ts";
import { ticketColumns } from "./ticket-columns.ts";

/** The ticket after its transfer, or why it was not transferred. */
export type TransferOutcome =
  { kind: "transferred"; ticket: Ticket } | Extract<TransferDecision, { kind: "notFound" | "wrongState" }>;

/** Locks tickets until the transaction ends, in key order, so that nobody waits in a circle. */
export async function lockTickets(
  tx: Transaction,
  { eventId, ticketIds }: { eventId: string; ticketIds: readonly string[] },
): Promise<void> {
  await tx`
    select from reservation.ticket
    where event_id = ${eventId} and ticket_id = any(${ticketIds as string[]}::uuid[])
    order by ticket_id
    for no key update`;
}

/** Gives a ticket to another customer and moves its epoch on; a repeat finds it done, and gets the ticket as it was then. */
export async function transferTicket(sql: Sql, key: TicketKey, transfer: Transfer): Promise<TransferOutcome> {
  return await transact(sql, async (tx) => {
    await lockTickets(tx, { eventId: key.eventId, ticketIds: [key.ticketId] });
    const ticket = await readTicket(tx, key);
    const decision = decideTransfer({ ticket, made: await readTransfer(tx, key, transfer) }, transfer);
    switch (decision.kind) {
      case "notFound":
      case "wrongState":
        return decision;
      case "repeat":
        return { kind: "transferred", ticket: ticketAfter(transfer, ticket!) };
      case "transfer":
        return { kind: "transferred", ticket: await giveTicket(tx, key, transfer) };
    }
  });
}

/** Revokes a ticket unless it is revoked already. Returns it as it stands, or undefined where there is none. */
export async function revokeTicket(sql: Sql, key: TicketKey, reason: string): Promise<Ticket | undefined> {
  const [revoked] = await sql<Ticket[]>`
    update reservation.ticket t
    set revoked_at = clock_timestamp(), revoke_reason = ${reason}, epoch = t.epoch + 1, epoch_at = clock_timestamp()
    where t.event_id = ${key.eventId} and t.ticket_id = ${key.ticketId} and t.revoked_at is null
    returning ${ticketColumns(sql)}`;
  return revoked ?? (await readTicket(sql, key));
}

// The transfer that ended this epoch of the ticket.
async function readTransfer(tx: Transaction, { eventId, ticketId }: TicketKey, { epoch }: Transfer) {
  const [made] = await tx<Transfer[]>`
    select customer_id as "customerId", epoch, receiver_id as "receiverId"
    from reservation.transfer
    where event_id = ${eventId} and ticket_id = ${ticketId} and epoch = ${epoch}`;
  return made;
}

async function giveTicket(tx: Transaction, { eventId, ticketId }: TicketKey, transfer: Transfer): Promise<Ticket> {
  const { customerId, epoch, receiverId } = transfer;
  // A trigger writes the transfer's own row. Replicas of the build before that read the previous customer instead: the column can
  // go with the release after this one.
  const [given] = await tx<Ticket[]>`
    update reservation.ticket t
    set customer_id = ${receiverId}, previous_customer_id = ${customerId}, epoch = ${epoch} + 1, epoch_at = clock_timestamp()
    where t.event_id = ${eventId} and t.ticket_id = ${ticketId}
    returning ${ticketColumns(tx)}`;
  return given!;
}
