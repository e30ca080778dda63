import type { MessageInitShape } from "@bufbuild/protobuf";
import { RefundedSeats, type OperationsService, type RefundSchema } from "#gen/boxoffice/edge/v1/operations";
import type { Refund } from "#gen/boxoffice/reservation/v1/reservation";
import type { Backends } from "../backends.ts";
import { boundsOf, customerOf } from "./handler-call.ts";
import type { EdgeHandler } from "./pipeline.ts";
import { edgeReservationOf } from "./reservation-message.ts";

/** Returns the handler of RefundReservation. */
export function createRefundReservation({
  reservation,
}: Pick<Backends, "reservation">): EdgeHandler<typeof OperationsService.method.refundReservation> {
  return async ({ eventId, reservationId, refundId, reason, seats }, call) => {
    const keepBlocked = seats === RefundedSeats.KEPT_BLOCKED;
    const { outcome, refund } = await reservation.refundReservation(
      { eventId, reservationId, refundId, reason, keepBlocked, requestedBy: customerOf(call) },
      boundsOf(call),
    );
    return { reservation: edgeReservationOf(outcome), ...(refund && { refund: edgeRefund(refund) }) };
  };
}

function edgeRefund({
  refundId,
  reason,
  keepBlocked,
  amount,
  createTime,
}: Refund): MessageInitShape<typeof RefundSchema> {
  return {
    refundId,
    reason,
    seats: keepBlocked ? RefundedSeats.KEPT_BLOCKED : RefundedSeats.BACK_ON_SALE,
    ...(amount && { amount }),
    ...(createTime && { createTime }),
  };
}
