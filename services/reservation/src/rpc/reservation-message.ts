import type { MessageInitShape } from "@bufbuild/protobuf";
import { RefusalReason, type Refusal } from "#stubs";
import { assertNever } from "#shared/assert-never";
import { createRefusal } from "#shared/refusal";
import {
  EndReason as EndReasonMessage,
  ReservationState,
  type ReservationSchema,
  type ReservationKey,
} from "#gen/boxoffice/reservation/v1/reservation";
import { timestampInit } from "#shared/timestamps";
import { EndReason, stateOf, type Booking, type BookingState } from "../domain/booking.ts";
import { parseSeats } from "../domain/seats.ts";

/** Returns the message for a booking as it stands. */
export function reservationFromBooking(booking: Booking) {
  return {
    eventId: booking.eventId,
    reservationId: booking.reservationId,
    customerId: booking.customerId,
    areaId: booking.areaId,
    state: ReservationState[stateOf(booking)],
    quantity: booking.quantity,
    seats: parseSeats(booking.seats),
    unitPrice: { currencyCode: booking.currency, amountMinor: BigInt(booking.unitPriceMinor) },
    createTime: timestampInit(booking.createdAt),
    holdExpireTime: timestampInit(booking.holdExpiresAt),
    // Most bookings have none, and their answers stay as short as they were.
    ...(booking.refundedMinor > 0
      ? { refunded: { currencyCode: booking.currency, amountMinor: BigInt(booking.refundedMinor) } }
      : {}),
    nextActionUrl: booking.nextActionUrl ?? "",
    endReason: endReasonFrom(booking),
    ...(booking.confirmedAt ? { confirmTime: timestampInit(booking.confirmedAt) } : {}),
  } satisfies MessageInitShape<typeof ReservationSchema>;
}

function endReasonFrom(booking: Booking): EndReasonMessage {
  switch (booking.endReason) {
    case EndReason.captureDeclined:
      return EndReasonMessage.CAPTURE_DECLINED;
    case EndReason.paidTooLate:
      return EndReasonMessage.PAID_TOO_LATE;
    case EndReason.holdLapsed:
    case EndReason.cancelled:
    case null:
      return stateOf(booking) === "EXPIRED" ? EndReasonMessage.HOLD_LAPSED : EndReasonMessage.UNSPECIFIED;
    default:
      return assertNever(booking.endReason);
  }
}

/** Returns the outcome that is a reservation. */
export function reservationOutcome(booking: Booking) {
  return { outcome: { case: "reservation" as const, value: reservationFromBooking(booking) } };
}

/** Returns the outcome that is a refusal. */
export function refusalOutcome(refusal: Refusal) {
  return { outcome: { case: "refusal" as const, value: refusal } };
}

/** Returns the key of a request, its ids in the lower case in which the database gives them back. */
export function keyFromRequest(key: ReservationKey | undefined) {
  const { eventId = "", reservationId = "", customerId = "" } = key ?? {};
  return { eventId: eventId.toLowerCase(), reservationId: reservationId.toLowerCase(), customerId };
}

/** Returns the refusal for a reservation that is not there, or not the caller's. */
export function notFound(): Refusal {
  return createRefusal(RefusalReason.NOT_FOUND, "there is no such reservation");
}

/** Returns the refusal for work that has to end first. */
export function inProgress(): Refusal {
  return createRefusal(RefusalReason.IN_PROGRESS, "a payment or refund of this reservation is running", {
    retryAfterMs: 1_000,
  });
}

/** Returns the refusal for what the reservation's state does not allow. */
export function wrongState(state: BookingState): Refusal {
  return createRefusal(RefusalReason.WRONG_STATE, `the reservation is ${state.toLowerCase()}`, { metadata: { state } });
}

/** Returns the refusal for what its customer may not give back. */
export function notAllowed({ rule, refundUntil }: { rule: string; refundUntil: Date }): Refusal {
  const message = {
    REFUND_TIME_OVER: `bookings of this event could be given back until ${refundUntil.toISOString()}`,
    TICKET_ADMITTED: "somebody was let in with this booking",
  }[rule];
  return createRefusal(RefusalReason.REFUND_NOT_ALLOWED, message ?? rule, {
    metadata: { rule, ...(rule === "REFUND_TIME_OVER" && { refund_until_time: refundUntil.toISOString() }) },
  });
}

/** Returns the refusal for a key that was used before, for something else. */
export function keyReused(): Refusal {
  return createRefusal(RefusalReason.IDEMPOTENCY_KEY_REUSED, "the key was used before, for a different request");
}
