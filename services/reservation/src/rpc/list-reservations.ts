import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import { ReservationState, type ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import type { BookingState } from "../domain/booking.ts";
import { listBookings } from "../store/read-bookings.ts";
import { pageTokenFromCursor, parsePageToken } from "./page-token.ts";
import { reservationFromBooking } from "./reservation-message.ts";

const pageSizeDefault = 20;

/** Returns the handler of ListReservations. */
export function listReservations({
  sql,
}: {
  sql: Sql;
}): Handler<(typeof ReservationService)["method"]["listReservations"]> {
  return async ({ customerId, pageSize, pageToken, eventId, states }) => {
    const after = pageToken === "" ? undefined : parsePageToken(pageToken);
    if (pageToken !== "" && !after) {
      throw errorFromRefusal(refuseFields([{ field: "page_token", description: "not a token of an earlier answer" }]));
    }
    const size = pageSize === 0 ? pageSizeDefault : pageSize;
    // One more than asked for tells whether there is a next page.
    const bookings = await listBookings(sql, {
      customerId,
      eventId: eventId === "" ? undefined : eventId.toLowerCase(),
      states: states.map((state) => ReservationState[state] as BookingState),
      after,
      limit: size + 1,
    });
    const page = bookings.slice(0, size);
    const last = page.at(-1);
    return {
      reservations: page.map(reservationFromBooking),
      nextPageToken:
        last && bookings.length > size ? pageTokenFromCursor({ ...last, createdAtMs: last.createdAt.getTime() }) : "",
    };
  };
}
