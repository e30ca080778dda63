// Payment as the booking's work sees it.

import type { GrpcClient, PaymentService } from "#stubs";
import type { Payment, PaymentOutcome, Refund } from "#gen/boxoffice/payment/v1/payment";
import { answerOf, type Answer } from "./answer.ts";
import { totalMinor, type Booking } from "./domain/booking.ts";

/** Names a payment. */
export type PaymentKey = { eventId: string; paymentId: string };

/** What reservation asks of payment. Every call may be repeated with its key. */
export type Payments = {
  /** Asks for the booking's total. */
  authorize(booking: Booking & PaymentKey & { paymentMethodToken: string }): Promise<Answer<Payment>>;
  capture(key: PaymentKey): Promise<Answer<Payment>>;
  void(key: PaymentKey): Promise<Answer<Payment>>;
  /** Gives a part back; the refund has a finish time once it is done. */
  refund(
    refund: PaymentKey & { refundId: string; amountMinor: number; returnedMinor: number },
  ): Promise<Answer<Refund>>;
  /** Returns up to 500 payments as they stand; answers in order. Throws ConnectError. */
  getPayments(keys: PaymentKey[]): Promise<PaymentOutcome[]>;
};

/** Returns payment behind `client`; each call takes at most `timeoutMs`. */
export function createPayments(options: { client: GrpcClient<typeof PaymentService>; timeoutMs: number }): Payments {
  const { client, timeoutMs } = options;
  const within = { timeoutMs };
  return {
    authorize: (booking) =>
      answerOf(
        client
          .authorize(
            {
              key: paymentKey(booking),
              reservationId: booking.reservationId,
              customerId: booking.customerId,
              amount: { currencyCode: booking.currency, amountMinor: BigInt(totalMinor(booking)) },
              paymentMethodToken: booking.paymentMethodToken,
              areaId: booking.areaId,
            },
            within,
          )
          .then(({ outcome }) => outcome),
      ),
    capture: (key) => answerOf(client.capture({ key: paymentKey(key) }, within).then(({ outcome }) => outcome)),
    void: (key) => answerOf(client.void({ key: paymentKey(key) }, within).then(({ outcome }) => outcome)),
    refund: ({ refundId, amountMinor, returnedMinor, ...key }) =>
      answerOf(
        client
          .refund(
            {
              ...{ key: paymentKey(key), refundId },
              part: { amountMinor: BigInt(amountMinor), returnedMinor: BigInt(returnedMinor) },
            },
            within,
          )
          .then(({ outcome, refund }) =>
            refund ? { outcome: { case: "refund", value: refund } } : { outcome: outcome?.outcome },
          ),
      ),
    getPayments: async (keys) => (await client.getPayments({ keys: keys.map(paymentKey) }, within)).outcomes,
  };
}

function paymentKey({ eventId, paymentId }: PaymentKey) {
  return { eventId, paymentId };
}
