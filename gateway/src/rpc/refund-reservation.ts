import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  RefundedSeats,
  type OperationsService,
  type RefundReservationRequest,
  type RefundSchema,
} from "#gen/boxoffice/edge/v1/operations";
import type { Refund } from "#gen/boxoffice/reservation/v1/reservation";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import type { Backends } from "../backends.ts";
import { boundsOf, customerOf } from "./handler-call.ts";
import type { EdgeHandler } from "./pipeline.ts";
import { edgeReservationOf } from "./reservation-message.ts";

/** Returns the handler of RefundReservation. */
export function createRefundReservation({
  reservation,
}: Pick<Backends, "reservation">): EdgeHandler<typeof OperationsService.method.refundReservation> {
  return async (request, call) => {
    refuseContradiction(request);
    const { eventId, reservationId, refundId, reason, seats, part } = request;
    const keepBlocked = seats === RefundedSeats.KEPT_BLOCKED;
    const { outcome, refund } = await reservation.refundReservation(
      { eventId, reservationId, refundId, reason, keepBlocked, requestedBy: customerOf(call), part: partOf(part) },
      boundsOf(call),
    );
    return { reservation: edgeReservationOf(outcome), ...(refund && { refund: edgeRefund(refund, part) }) };
  };
}

// Rules that concern more than one field; those about a single field stand in the proto.
function refuseContradiction({ seats, part }: RefundReservationRequest): void {
  const violations = [];
  if (part.case === "amount" && seats !== RefundedSeats.UNSPECIFIED) {
    violations.push({ field: "seats", description: "must not be set with an amount: no seat comes back" });
  }
  if (part.case !== "amount" && seats === RefundedSeats.UNSPECIFIED) {
    violations.push({ field: "seats", description: "value is required" });
  }
  if (part.case === "amount" && part.value.amountMinor < 1n) {
    violations.push({ field: "amount.amount_minor", description: "must be at least 1" });
  }
  if (violations.length > 0) throw errorFromRefusal(refuseFields(violations));
}

function partOf(part: RefundReservationRequest["part"]) {
  return part.case === "tickets" ? { case: part.case, value: { ticketIds: part.value.ticketIds } } : part;
}

function edgeRefund(
  { refundId, reason, keepBlocked, amount, createTime, ticketIds, done }: Refund,
  part: RefundReservationRequest["part"],
): MessageInitShape<typeof RefundSchema> {
  const seats = keepBlocked ? RefundedSeats.KEPT_BLOCKED : RefundedSeats.BACK_ON_SALE;
  return {
    refundId,
    reason,
    seats: part.case === "amount" ? RefundedSeats.UNSPECIFIED : seats,
    ...(amount && { amount }),
    ...(createTime && { createTime }),
    ticketIds,
    done,
  };
}
