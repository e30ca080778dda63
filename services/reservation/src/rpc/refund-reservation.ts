import type { MessageInitShape } from "@bufbuild/protobuf";
import { RefusalReason, type Refusal } from "#stubs";
import { assertNever } from "#shared/assert-never";
import type { Call, Handler } from "#shared/grpc-server";
import { createRefusal } from "#shared/refusal";
import { timestampInit } from "#shared/timestamps";
import { refuseFields } from "#shared/validate";
import type {
  RefundReservationRequest,
  RefundSchema,
  ReservationService,
} from "#gen/boxoffice/reservation/v1/reservation";
import type { RefundRequest, RefundWish } from "../domain/refund.ts";
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
    if (request.part.case === "amount" && request.part.value.amountMinor === 0n) {
      const description = "must be at least 1";
      return { outcome: refusalOutcome(refuseFields([{ field: "amount.amount_minor", description }])) };
    }
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
    wish: wishFrom(request.part),
  };
}

function wishFrom(part: RefundReservationRequest["part"]): RefundWish {
  switch (part.case) {
    case undefined:
      return { kind: "whole" };
    case "tickets":
      return { kind: "tickets", ticketIds: part.value.ticketIds.map((id) => id.toLowerCase()) };
    case "amount":
      return { kind: "amount", amountMinor: Number(part.value.amountMinor), currency: part.value.currencyCode };
  }
}

function refundMessage({
  booking,
  refund,
  isDone,
}: RefundResult & { kind: "refund" }): MessageInitShape<typeof RefundSchema> {
  return {
    refundId: refund.refundId,
    reason: refund.reason,
    keepBlocked: refund.keepBlocked,
    amount: { currencyCode: booking.currency, amountMinor: BigInt(refund.amountMinor) },
    createTime: timestampInit(refund.createdAt),
    ticketIds: refund.ticketIds,
    done: isDone,
  };
}

function refusalFrom(result: Exclude<RefundResult, { kind: "refund" }>): Refusal {
  switch (result.kind) {
    case "notFound":
      return notFound();
    case "inProgress":
      return inProgress();
    case "keyReused":
      return keyReused();
    case "wrongState":
      return wrongState(result.state);
    case "noSuchTicket":
      return createRefusal(RefusalReason.NOT_FOUND, "the reservation has no such ticket");
    case "ticketRefunded":
      return createRefusal(RefusalReason.WRONG_STATE, "a ticket is refunded already", {
        metadata: { state: "REFUNDED", ticket_id: result.ticketId },
      });
    case "exceeds":
      return createRefusal(RefusalReason.REFUND_EXCEEDS_PAYMENT, "more would be given back than is left", {
        metadata: { left_minor: String(result.leftMinor) },
      });
    case "otherCurrency":
      return refuseFields([{ field: "amount.currency_code", description: "must be that of the reservation" }]);
    case "notAllowed":
      throw new Error("organisers are not bound by the customers' rules");
    default:
      return assertNever(result);
  }
}
