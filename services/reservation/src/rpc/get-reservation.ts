import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import { readBooking } from "../store/read-bookings.ts";
import { keyFromRequest, notFound, refusalOutcome, reservationOutcome } from "./reservation-message.ts";

/** Returns the handler of GetReservation. */
export function getReservation({
  sql,
}: {
  sql: Sql;
}): Handler<(typeof ReservationService)["method"]["getReservation"]> {
  return async ({ key }) => {
    const booking = await readBooking(sql, keyFromRequest(key));
    return { outcome: booking ? reservationOutcome(booking) : refusalOutcome(notFound()) };
  };
}
