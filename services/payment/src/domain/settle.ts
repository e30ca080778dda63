// The state machine, second half: what to ask the provider in each pending state, and what its answer means; of refunds
// see refund.ts. Pure.

import { assertNever } from "#shared/assert-never";
import type { ProviderRequest, ProviderResult } from "../providers/provider.ts";
import type { DeclineReason } from "./decline-reason.ts";
import { PaymentState, stateName, type Payment, type PaymentKey } from "./payment.ts";

/** The write that a provider's answer leads to. It takes effect only while the state is still `from`. */
export type Settlement = {
  kind: "move";
  key: PaymentKey;
  from: PaymentState;
  to: PaymentState;
  /** The provider's name for what it did. */
  ref?: string;
  declineReason?: DeclineReason;
};

/**
 * Returns what the provider is asked for a payment in a pending state. The idempotency key follows from the payment
 * alone, so that whoever asks, however often, asks for the same thing. Throws for a state that is not pending.
 */
export function providerRequestOf(payment: Payment): ProviderRequest {
  const reference = payment.paymentId;
  switch (payment.state) {
    case PaymentState.AUTHORIZING:
      return {
        kind: "authorize",
        idempotencyKey: `${reference}:authorize`,
        reference,
        amountMinor: present(payment, payment.order).amountMinor,
        currencyCode: present(payment, payment.order).currencyCode,
        paymentMethodToken: present(payment, payment.paymentMethodToken),
      };
    case PaymentState.CAPTURING:
      return {
        kind: "capture",
        idempotencyKey: `${reference}:capture`,
        reference,
        authorizationRef: present(payment, payment.authorizationRef),
      };
    case PaymentState.VOIDING:
      return { kind: "void", idempotencyKey: `${reference}:void`, reference };
    default:
      throw new Error(`a payment that is ${stateName(payment.state)} has nothing to ask the provider`);
  }
}

/**
 * Returns the write that a provider's answer leads to, or undefined where the payment stays as it is: the answer is
 * unknown, or the provider refuses to give money back, which asking again and an alarm have to solve, not a guess.
 */
export function settle(payment: Payment, result: ProviderResult): Settlement | undefined {
  const move = { kind: "move" as const, key: payment, from: payment.state };
  switch (result.kind) {
    case "unknown":
      return undefined;
    case "declined": {
      const mayDecline = payment.state === PaymentState.AUTHORIZING || payment.state === PaymentState.CAPTURING;
      return mayDecline ? { ...move, to: PaymentState.DECLINED, declineReason: result.reason } : undefined;
    }
    case "done":
      return { ...move, to: settledState(payment.state), ref: result.ref };
    default:
      return assertNever(result);
  }
}

function settledState(state: PaymentState): PaymentState {
  switch (state) {
    case PaymentState.AUTHORIZING:
      return PaymentState.AUTHORIZED;
    case PaymentState.CAPTURING:
      return PaymentState.CAPTURED;
    case PaymentState.VOIDING:
      return PaymentState.VOIDED;
    default:
      throw new Error(`a payment that is ${stateName(state)} waits for no answer`);
  }
}

function present<T>(payment: Payment, value: T | undefined): T {
  if (value === undefined) throw new Error(`payment ${payment.paymentId} lacks what ${stateName(payment.state)} needs`);
  return value;
}
