import type { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import { refuseFields } from "#shared/validate";
import type { Backends } from "../backends.ts";
import type { SoldOutNotes } from "../overload/sold-out-notes.ts";
import type { ReservationBatcher } from "../reservation-batcher.ts";
import { createCreateReservation } from "./create-reservation.ts";
import { isLikeCardNumber } from "./card-number.ts";
import { edgeErrorFromRefusal } from "./errors.ts";
import { boundsOf, customerOf } from "./handler-call.ts";
import type { EdgeHandlers, HandlerCall } from "./pipeline.ts";
import { edgeReservation, edgeReservationOf } from "./reservation-message.ts";

const cardNumberRefused = refuseFields([
  {
    field: "payment_method_token",
    description:
      "looks like a card number: send the token that the payment provider's client library gave for the card",
  },
]);

/** Returns the handlers of ReservationService. */
export function createReservationHandlers(options: {
  backends: Pick<Backends, "reservation">;
  batcher: ReservationBatcher;
  notes: SoldOutNotes;
}): EdgeHandlers<typeof ReservationService> {
  const { reservation } = options.backends;
  return {
    createReservation: createCreateReservation(options),
    getReservation: async (request, call) => {
      const { outcome } = await reservation.getReservation({ key: keyOf(request, call) }, boundsOf(call));
      return { reservation: edgeReservationOf(outcome) };
    },
    listReservations: async ({ pageSize, pageToken, eventId, states }, call) => {
      const page = await reservation.listReservations(
        // The two enums of states have the same numbers; a test holds them together.
        { customerId: customerOf(call), pageSize, pageToken, eventId, states: states as number[] },
        boundsOf(call),
      );
      return { reservations: page.reservations.map(edgeReservation), nextPageToken: page.nextPageToken };
    },
    cancelReservation: async (request, call) => {
      const { outcome } = await reservation.cancelReservation({ key: keyOf(request, call) }, boundsOf(call));
      return { reservation: edgeReservationOf(outcome) };
    },
    checkout: async (request, call) => {
      const { paymentMethodToken, idempotencyKey } = request;
      if (isLikeCardNumber(paymentMethodToken)) throw edgeErrorFromRefusal(cardNumberRefused);
      const { outcome, paymentId } = await reservation.checkout(
        { key: keyOf(request, call), paymentMethodToken, idempotencyKey },
        boundsOf(call),
      );
      return { reservation: edgeReservationOf(outcome), paymentId };
    },
  };
}

function keyOf({ eventId, reservationId }: { eventId: string; reservationId: string }, call: HandlerCall) {
  return { eventId, reservationId, customerId: customerOf(call) };
}
