// Reservations as the public sees them.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { ReservationSchema } from "#gen/boxoffice/edge/v1/reservation";
import type { Reservation, ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";
import { assertNever } from "#shared/assert-never";
import type { Refusal } from "#stubs";
import { edgeErrorFromRefusal } from "./errors.ts";

/** Returns the public reservation of an outcome; throws its refusal as the ConnectError that `errorOf` makes of it. */
export function edgeReservationOf(
  outcome: ReservationOutcome | undefined,
  errorOf: (refusal: Refusal) => ConnectError = edgeErrorFromRefusal,
): MessageInitShape<typeof ReservationSchema> {
  const decided = outcome?.outcome;
  switch (decided?.case) {
    case "reservation":
      return edgeReservation(decided.value);
    case "refusal":
      throw errorOf(decided.value);
    case undefined:
      throw new Error("an outcome is neither a reservation nor a refusal");
    default:
      return assertNever(decided);
  }
}

/** Returns the public form of a reservation: the total added, the customer left out. */
export function edgeReservation(from: Reservation): MessageInitShape<typeof ReservationSchema> {
  const { unitPrice, quantity } = from;
  return {
    eventId: from.eventId,
    reservationId: from.reservationId,
    areaId: from.areaId,
    // These two enums have the same numbers as reservation's; a test holds them together.
    state: from.state as number,
    quantity,
    seats: from.seats,
    unitPrice,
    total: unitPrice && {
      currencyCode: unitPrice.currencyCode,
      amountMinor: unitPrice.amountMinor * BigInt(quantity),
    },
    createTime: from.createTime,
    holdExpireTime: from.holdExpireTime,
    confirmTime: from.confirmTime,
    refunded: from.refunded,
    ...(from.nextActionUrl !== "" && { nextAction: { redirectUrl: from.nextActionUrl } }),
    endReason: from.endReason as number,
  };
}
