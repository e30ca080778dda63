// Reservations as the public sees them.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReservationSchema } from "#gen/boxoffice/edge/v1/reservation";
import type { Reservation, ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";
import { assertNever } from "#shared/assert-never";
import { edgeErrorFromRefusal } from "./errors.ts";

/** Returns the public reservation of an outcome; throws its refusal as a ConnectError. */
export function edgeReservationOf(outcome: ReservationOutcome | undefined): MessageInitShape<typeof ReservationSchema> {
  const decided = outcome?.outcome;
  switch (decided?.case) {
    case "reservation":
      return edgeReservation(decided.value);
    case "refusal":
      throw edgeErrorFromRefusal(decided.value);
    case undefined:
      throw new Error("an outcome is neither a reservation nor a refusal");
    default:
      return assertNever(decided);
  }
}

/** Returns the public form of a reservation: the total added, the customer left out. */
export function edgeReservation(from: Reservation): MessageInitShape<typeof ReservationSchema> {
  return {
    eventId: from.eventId,
    reservationId: from.reservationId,
    areaId: from.areaId,
    // The two enums have the same numbers; a test holds them together.
    state: from.state as number,
    quantity: from.quantity,
    seats: from.seats,
    ...(from.unitPrice && {
      unitPrice: from.unitPrice,
      total: {
        currencyCode: from.unitPrice.currencyCode,
        amountMinor: from.unitPrice.amountMinor * BigInt(from.quantity),
      },
    }),
    ...(from.createTime && { createTime: from.createTime }),
    ...(from.holdExpireTime && { holdExpireTime: from.holdExpireTime }),
    ...(from.confirmTime && { confirmTime: from.confirmTime }),
  };
}
