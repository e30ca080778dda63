import { assertNever } from "#shared/assert-never";
import type { Call, Handler } from "#shared/grpc-server";
import type { ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import type { CancelResult } from "../cancellation.ts";
import type { Booking } from "../domain/booking.ts";
import {
  inProgress,
  keyFromRequest,
  notAllowed,
  notFound,
  refusalOutcome,
  reservationOutcome,
  wrongState,
} from "./reservation-message.ts";

/** Returns the handler of CancelReservation. */
export function cancelReservation(deps: {
  cancel: (key: Pick<Booking, "eventId" | "reservationId" | "customerId">, call: Call) => Promise<CancelResult>;
}): Handler<(typeof ReservationService)["method"]["cancelReservation"]> {
  return async ({ key }, call) => ({ outcome: outcomeOf(await deps.cancel(keyFromRequest(key), call)) });
}

function outcomeOf(result: CancelResult) {
  switch (result.kind) {
    case "booking":
      return reservationOutcome(result.booking);
    case "notFound":
      return refusalOutcome(notFound());
    case "inProgress":
      return refusalOutcome(inProgress());
    case "wrongState":
      return refusalOutcome(wrongState(result.state));
    case "notAllowed":
      return refusalOutcome(notAllowed(result));
    default:
      return assertNever(result);
  }
}
