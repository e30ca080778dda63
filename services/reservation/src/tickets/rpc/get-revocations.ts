import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import { encodeRevocations } from "../domain/revocation-list.ts";
import { listRevocations } from "../store/read-tickets.ts";

const pageSizeDefault = 1_000;

/** Returns the handler of GetRevocations. */
export function getRevocations({ sql }: { sql: Sql }): Handler<(typeof TicketService)["method"]["getRevocations"]> {
  return async ({ eventId, pageSize, pageToken }) => {
    const size = pageSize || pageSizeDefault;
    // One more than asked for tells whether there is a next page.
    const revocations = await listRevocations(sql, {
      eventId: eventId.toLowerCase(),
      afterTicketId: pageToken || undefined,
      limit: size + 1,
    });
    const page = revocations.slice(0, size);
    return {
      entries: encodeRevocations(page),
      nextPageToken: revocations.length > size ? page.at(-1)!.ticketId : "",
    };
  };
}
