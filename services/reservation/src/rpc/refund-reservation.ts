import type { MessageInitShape } from "@bufbuild/protobuf";
import { assertNever } from "#shared/assert-never";
import type { Call, Handler } from "#shared/grpc-server";
import { timestampInit } from "#shared/timestamps";
import type {
  RefundReservationRequest,
  RefundSchema,
  ReservationService,
} from "#gen/boxoffice/reservation/v1/reservation";
import { totalMinor, type Booking } from "../domain/booking.ts";
import type { Refund, RefundRequest } from "../domain/refund.ts";
import type { RefundResult } from "../refunding.ts";
import {
  inProgress,
  keyReused,
  notFound,
  refusalOutcome,
  reservationOutcome,
  wrongState,
} from "./reservation-message.ts";

/** Returns the handler of RefundReservation. */
export function refundReservation(deps: {
  refund: (request: RefundRequest, call: Call) => Promise<RefundResult>;
}): Handler<(typeof ReservationService)["method"]["refundReservation"]> {
  return async (request, call) => {
    const result = await deps.refund(requestFrom(request), call);
    return result.kind === "refund"
      ? { outcome: reservationOutcome(result.booking), refund: refundMessage(result) }
      : { outcome: refusalOutcome(refusalFrom(result)) };
  };
}

function requestFrom(request: RefundReservationRequest): RefundRequest {
  return {
    eventId: request.eventId.toLowerCase(),
    reservationId: request.reservationId.toLowerCase(),
    refundId: request.refundId.toLowerCase(),
    reason: request.reason,
    keepBlocked: request.keepBlocked,
    requestedBy: request.requestedBy,
  };
}

function refundMessage({
  booking,
  refund,
}: {
  booking: Booking;
  refund: Refund;
}): MessageInitShape<typeof RefundSchema> {
  return {
    refundId: refund.refundId,
    reason: refund.reason,
    keepBlocked: refund.keepBlocked,
    amount: { currencyCode: booking.currency, amountMinor: BigInt(totalMinor(booking)) },
    createTime: timestampInit(refund.createdAt),
  };
}

function refusalFrom(result: Exclude<RefundResult, { kind: "refund" }>) {
  switch (result.kind) {
    case "notFound":
      return notFound();
    case "inProgress":
      return inProgress();
    case "keyReused":
      return keyReused();
    case "wrongState":
      return wrongState(result.state);
    default:
      return assertNever(result);
  }
}
