// Between the contract's messages and the domain.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  PaymentKey as PaymentKeyMessage,
  PaymentOutcomeSchema,
  PaymentSchema,
} from "#gen/boxoffice/payment/v1/payment";
import { timestampInit } from "#shared/timestamps";
import type { Payment, PaymentKey } from "../domain/payment.ts";
import type { Outcome } from "../payments.ts";

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

function paymentMessage(payment: Payment): MessageInitShape<typeof PaymentSchema> {
  const { order } = payment;
  return {
    eventId: payment.eventId,
    paymentId: payment.paymentId,
    state: payment.state,
    declineReason: payment.declineReason ?? "",
    createTime: timestampInit(payment.createdAt),
    nextActionUrl: payment.actionUrl ?? "",
    ...(order && {
      reservationId: order.reservationId,
      customerId: order.customerId,
      amount: { currencyCode: order.currencyCode, amountMinor: BigInt(order.amountMinor) },
      provider: order.provider,
    }),
  };
}
