import type { Handler } from "#shared/grpc-server";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import type { Door } from "../door.ts";
import { rejectionMessage, ticketMessage } from "./ticket-message.ts";

/** Returns the handler of VerifyTicket. */
export function verifyTicket({ door }: { door: Door }): Handler<(typeof TicketService)["method"]["verifyTicket"]> {
  return async ({ eventId, code }) => {
    const result = await door.verify({ eventId: eventId.toLowerCase(), code });
    return {
      outcome:
        result.kind === "good"
          ? { case: "ticket", value: ticketMessage(result.ticket) }
          : { case: "rejection", value: rejectionMessage(result.rejection) },
    };
  };
}
