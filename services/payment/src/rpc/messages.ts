// Between the contract's messages and the domain.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type {
  PaymentKey as PaymentKeyMessage,
  PaymentOutcomeSchema,
  PaymentSchema,
  RefundSchema,
} from "#gen/boxoffice/payment/v1/payment";
import { timestampInit } from "#shared/timestamps";
import type { Payment, PaymentKey } from "../domain/payment.ts";
import type { Outcome } from "../payments.ts";
import type { StandingRefund } from "../store-refunds.ts";

/** Returns the key with lower-case ids. The request is validated, so the key is there. */
export function keyFrom(key: PaymentKeyMessage | undefined): PaymentKey {
  return { eventId: key!.eventId.toLowerCase(), paymentId: key!.paymentId.toLowerCase() };
}

/** Returns the message of an outcome. */
export function outcomeMessage(outcome: Outcome): MessageInitShape<typeof PaymentOutcomeSchema> {
  return outcome.kind === "payment"
    ? { outcome: { case: "payment", value: paymentMessage(outcome.payment) } }
    : { outcome: { case: "refusal", value: outcome.refusal } };
}

/** Returns the message of a refund. */
export function refundMessage({ payment, refund }: StandingRefund): MessageInitShape<typeof RefundSchema> {
  return {
    refundId: refund.refundId,
    amount: { currencyCode: payment.order!.currencyCode, amountMinor: BigInt(refund.amountMinor) },
    returnedMinor: BigInt(refund.returnedMinor),
    createTime: timestampInit(refund.createdAt),
    ...(refund.finishedAt && { finishTime: timestampInit(refund.finishedAt) }),
    ...(refund.retryAfterMs !== undefined && { retryAfter: durationFromMs(refund.retryAfterMs) }),
  };
}

function paymentMessage(payment: Payment): MessageInitShape<typeof PaymentSchema> {
  const { order } = payment;
  return {
    eventId: payment.eventId,
    paymentId: payment.paymentId,
    state: payment.state,
    declineReason: payment.declineReason ?? "",
    createTime: timestampInit(payment.createdAt),
    nextActionUrl: payment.actionUrl ?? "",
    ...(payment.refundPendingSince && { refundPendingTime: timestampInit(payment.refundPendingSince) }),
    ...(order && {
      reservationId: order.reservationId,
      customerId: order.customerId,
      amount: { currencyCode: order.currencyCode, amountMinor: BigInt(order.amountMinor) },
      refunded: { currencyCode: order.currencyCode, amountMinor: BigInt(payment.refundedMinor) },
      provider: order.provider,
    }),
  };
}
