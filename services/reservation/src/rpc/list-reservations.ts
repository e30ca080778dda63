import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { ReservationState, type ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import type { BookingState } from "../domain/booking.ts";
import { listBookings } from "../store/read-bookings.ts";
import { cursorFromToken, readPage } from "./page.ts";
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
    const filter = {
      customerId,
      eventId: eventId === "" ? undefined : eventId.toLowerCase(),
      states: states.map((state) => ReservationState[state] as BookingState),
      after: cursorFromToken(pageToken, parsePageToken),
    };
    const { rows, nextPageToken } = await readPage(pageSize || pageSizeDefault, {
      read: (limit) => listBookings(sql, { ...filter, limit }),
      tokenOf: (last) => pageTokenFromCursor({ ...last, createdAtMs: last.createdAt.getTime() }),
    });
    return { reservations: rows.map(reservationFromBooking), nextPageToken };
  };
}
