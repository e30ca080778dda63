import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import { cursorFromToken, readPage } from "../../rpc/page.ts";
import { listReservationTickets as readTickets } from "../store/read-tickets.ts";
import { ticketMessage } from "./ticket-message.ts";
import { parseTicketPageToken, tokenFromTicketCursor } from "./ticket-page-token.ts";

const pageSizeDefault = 50;

/** Returns the handler of ListReservationTickets. */
export function listReservationTickets({
  sql,
}: {
  sql: Sql;
}): Handler<(typeof TicketService)["method"]["listReservationTickets"]> {
  return async ({ eventId, reservationId, pageSize, pageToken }) => {
    const key = { eventId: eventId.toLowerCase(), reservationId: reservationId.toLowerCase() };
    const afterPlace = cursorFromToken(pageToken, parseTicketPageToken)?.place ?? 0;
    const { rows, nextPageToken } = await readPage(pageSize || pageSizeDefault, {
      read: (limit) => readTickets(sql, key, { afterPlace, limit }),
      tokenOf: tokenFromTicketCursor,
    });
    return { tickets: rows.map(ticketMessage), nextPageToken };
  };
}
