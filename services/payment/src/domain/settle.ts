// The state machine, second half: what to ask the provider in each pending state, and what its answer means; of refunds
// see refund.ts. Pure.

import { assertNever } from "#shared/assert-never";
import type { ProviderRequest, ProviderResult } from "../providers/provider.ts";
import type { DeclineReason } from "./decline-reason.ts";
import type { Fee } from "./fee.ts";
import { PaymentState, stateName, type Payment, type PaymentKey } from "./payment.ts";
import { retryDelayMs, tryKey } from "./refusal-backoff.ts";

/** The write that a provider's answer leads to. It takes effect only while the payment still stands where it was. */
export type Settlement =
  | Step
  /** The provider refuses to void. It stays to be done, by asking again later or by a person, never by a guess. */
  | { kind: "refused"; payment: Payment; reason: DeclineReason; retryMs: number | null };

type Step = {
  kind: "move";
  key: PaymentKey;
  from: PaymentState;
  to: PaymentState;
  /** The provider's name for what it did. */
  ref?: string;
  /** Where the customer has to go. */
  actionUrl?: string;
  declineReason?: DeclineReason;
  /** What the provider keeps of a capture, where it has said so. */
  fee?: Fee;
};

/** A payment as it stands after its provider was asked, and whether the provider gave an answer. */
export type Finished = { payment: Payment; isAnswered: boolean };

/**
 * Returns what the provider is asked for a payment in a pending state. The idempotency key follows from the payment
 * alone, so that whoever asks, however often, asks for the same thing; only a refusal for good moves it on, since a
 * provider would repeat that for ever. Throws for a state that is not pending.
 */
export function providerRequestOf(payment: Payment): ProviderRequest {
  const reference = payment.paymentId;
  switch (payment.state) {
    case PaymentState.AUTHORIZING:
      return {
        kind: "authorize",
        idempotencyKey: `${reference}:authorize`,
        reference,
        eventId: payment.eventId,
        amountMinor: present(payment, payment.order).amountMinor,
        currencyCode: present(payment, payment.order).currencyCode,
        paymentMethodToken: present(payment, payment.paymentMethodToken),
        authorizationRef: payment.authorizationRef,
      };
    case PaymentState.ACTION_REQUIRED:
      return { kind: "lookup", reference, authorizationRef: present(payment, payment.authorizationRef) };
    case PaymentState.CAPTURING:
      return {
        kind: "capture",
        idempotencyKey: `${reference}:capture`,
        reference,
        authorizationRef: present(payment, payment.authorizationRef),
      };
    case PaymentState.VOIDING:
      return {
        kind: "void",
        idempotencyKey: tryKey(`${reference}:void`, payment.refusals),
        reference,
        eventId: payment.eventId,
        amountMinor: present(payment, payment.order).amountMinor,
        currencyCode: present(payment, payment.order).currencyCode,
        authorizationRef: payment.authorizationRef,
      };
    default:
      throw new Error(`a payment that is ${stateName(payment.state)} has nothing to ask the provider`);
  }
}

/**
 * Returns the write that a provider's answer leads to, or undefined where the payment stays as it is: the answer is
 * unknown, or the customer has not acted yet.
 */
export function settle(payment: Payment, result: ProviderResult): Settlement | undefined {
  const move = { kind: "move" as const, key: payment, from: payment.state };
  switch (result.kind) {
    case "unknown":
      return undefined;
    case "declined":
      return mayDecline(payment.state)
        ? { ...move, to: PaymentState.DECLINED, declineReason: result.reason }
        : { kind: "refused", payment, reason: result.reason, retryMs: retryDelayMs(payment.refusals + 1) };
    case "prepared":
      return payment.state === PaymentState.AUTHORIZING
        ? { ...move, to: PaymentState.AUTHORIZING, ref: result.ref }
        : undefined;
    // Only a refund takes days.
    case "pending":
      return undefined;
    case "actionRequired":
      return payment.state === PaymentState.AUTHORIZING
        ? { ...move, to: PaymentState.ACTION_REQUIRED, ref: result.ref, actionUrl: result.url }
        : undefined;
    case "done":
      return { ...move, to: settledState(payment.state), ref: result.ref, ...(result.fee && { fee: result.fee }) };
    default:
      return assertNever(result);
  }
}

function mayDecline(state: PaymentState): boolean {
  switch (state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.ACTION_REQUIRED:
    case PaymentState.CAPTURING:
      return true;
    default:
      return false;
  }
}

function settledState(state: PaymentState): PaymentState {
  switch (state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.ACTION_REQUIRED:
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
