import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import { readPage } from "../../rpc/page.ts";
import { encodeRevocations } from "../domain/revocation-list.ts";
import { listRevocations } from "../store/read-tickets.ts";

const pageSizeDefault = 1_000;

/** Returns the handler of GetRevocations. */
export function getRevocations({ sql }: { sql: Sql }): Handler<(typeof TicketService)["method"]["getRevocations"]> {
  return async ({ eventId, pageSize, pageToken }) => {
    const { rows, nextPageToken } = await readPage(pageSize || pageSizeDefault, {
      read: (limit) =>
        listRevocations(sql, { eventId: eventId.toLowerCase(), afterTicketId: pageToken || undefined, limit }),
      tokenOf: (last) => last.ticketId,
    });
    return { entries: encodeRevocations(rows), nextPageToken };
  };
}
