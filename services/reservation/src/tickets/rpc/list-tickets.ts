import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import { listTickets as readPage } from "../store/read-tickets.ts";
import { ticketMessage } from "./ticket-message.ts";
import { parseTicketPageToken, tokenFromTicketCursor } from "./ticket-page-token.ts";

const pageSizeDefault = 50;

/** Returns the handler of ListTickets. */
export function listTickets({ sql }: { sql: Sql }): Handler<(typeof TicketService)["method"]["listTickets"]> {
  return async ({ customerId, eventId, reservationId, pageSize, pageToken }) => {
    const after = pageToken === "" ? undefined : parseTicketPageToken(pageToken);
    if (pageToken !== "" && !after) {
      throw errorFromRefusal(refuseFields([{ field: "page_token", description: "not a token of an earlier answer" }]));
    }
    const size = pageSize || pageSizeDefault;
    // One more than asked for tells whether there is a next page.
    const tickets = await readPage(sql, {
      customerId,
      eventId: eventId.toLowerCase() || undefined,
      reservationId: reservationId.toLowerCase() || undefined,
      after,
      limit: size + 1,
    });
    const page = tickets.slice(0, size);
    const last = page.at(-1);
    return {
      tickets: page.map(ticketMessage),
      nextPageToken: last && tickets.length > size ? tokenFromTicketCursor(last) : "",
    };
  };
}
