import { assertNever } from "#shared/assert-never";
import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import { transferTicket as transfer } from "../store/change-tickets.ts";
import { noSuchTicket, ticketKeyFrom, ticketMessage, wrongTicketState } from "./ticket-message.ts";

/** Returns the handler of TransferTicket. */
export function transferTicket({ sql }: { sql: Sql }): Handler<(typeof TicketService)["method"]["transferTicket"]> {
  return async (request) => {
    const { customerId, ...key } = ticketKeyFrom(request.key);
    const { epoch, receiverId } = request;
    if (receiverId === customerId) {
      throw errorFromRefusal(refuseFields([{ field: "receiver_id", description: "is the owner already" }]));
    }
    const result = await transfer(sql, key, { customerId, epoch, receiverId });
    switch (result.kind) {
      case "transferred":
        return { outcome: { outcome: { case: "ticket", value: ticketMessage(result.ticket) } } };
      case "notFound":
        return { outcome: { outcome: { case: "refusal", value: noSuchTicket() } } };
      case "wrongState":
        return { outcome: { outcome: { case: "refusal", value: wrongTicketState(result.state) } } };
      default:
        return assertNever(result);
    }
  };
}
