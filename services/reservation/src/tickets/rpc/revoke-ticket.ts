import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import { revokeTicket as revoke } from "../store/change-tickets.ts";
import { noSuchTicket, ticketMessage } from "./ticket-message.ts";

/** Returns the handler of RevokeTicket. */
export function revokeTicket({ sql }: { sql: Sql }): Handler<(typeof TicketService)["method"]["revokeTicket"]> {
  return async ({ eventId, ticketId, reason }) => {
    const key = { eventId: eventId.toLowerCase(), ticketId: ticketId.toLowerCase() };
    const ticket = await revoke(sql, key, reason);
    return {
      outcome: {
        outcome: ticket ? { case: "ticket", value: ticketMessage(ticket) } : { case: "refusal", value: noSuchTicket() },
      },
    };
  };
}
