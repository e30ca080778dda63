import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import { cursorFromToken, readPage } from "../../rpc/page.ts";
import { listTickets as readTickets } from "../store/read-tickets.ts";
import { ticketMessage } from "./ticket-message.ts";
import { parseTicketPageToken, tokenFromTicketCursor } from "./ticket-page-token.ts";

const pageSizeDefault = 50;

/** Returns the handler of ListTickets. */
export function listTickets({ sql }: { sql: Sql }): Handler<(typeof TicketService)["method"]["listTickets"]> {
  return async ({ customerId, eventId, reservationId, pageSize, pageToken }) => {
    const filter = {
      customerId,
      eventId: eventId.toLowerCase() || undefined,
      reservationId: reservationId.toLowerCase() || undefined,
      after: cursorFromToken(pageToken, parseTicketPageToken),
    };
    const { rows, nextPageToken } = await readPage(pageSize || pageSizeDefault, {
      read: (limit) => readTickets(sql, { ...filter, limit }),
      tokenOf: tokenFromTicketCursor,
    });
    return { tickets: rows.map(ticketMessage), nextPageToken };
  };
}
