// What Stripe's answers mean. Pure. Only what certainly did nothing is a decline; whatever is not listed here is unknown.
// https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/declines/codes

import StripeClient, { type Stripe } from "stripe";
import type { DeclineReason } from "../domain/decline-reason.ts";
import type { ProviderResult } from "./provider.ts";

/** Returns how an authorisation stands. */
export function resultOfAuthorization(intent: Stripe.PaymentIntent): ProviderResult {
  switch (intent.status) {
    case "requires_capture":
    case "succeeded":
      return { kind: "done", ref: intent.id };
    case "requires_action": {
      const url = intent.next_action?.redirect_to_url?.url;
      // Another action needs Stripe's own client and this intent's client secret, which nobody is given.
      return url ? { kind: "actionRequired", ref: intent.id, url } : declined("authentication_required");
    }
    case "requires_payment_method":
      return declined(reasonOf(intent.last_payment_error));
    case "canceled":
      return declined(intent.cancellation_reason === "automatic" ? "authorization_expired" : "authorization_voided");
    default:
      return unknown(`intent_${intent.status}`);
  }
}

/** Returns how a capture stands. */
export function resultOfCapture(intent: Stripe.PaymentIntent): ProviderResult {
  switch (intent.status) {
    case "succeeded":
      return { kind: "done", ref: intent.id };
    case "canceled":
      return declined(intent.cancellation_reason === "automatic" ? "authorization_expired" : "authorization_voided");
    default:
      return unknown(`intent_${intent.status}`);
  }
}

/** Returns how a void stands. What has been captured can't be voided any more. */
export function resultOfVoid(intent: Stripe.PaymentIntent): ProviderResult {
  switch (intent.status) {
    case "canceled":
      return { kind: "done", ref: intent.id };
    case "succeeded":
      return declined("other");
    default:
      return unknown(`intent_${intent.status}`);
  }
}

/** Returns how a refund stands. One that is pending may still fail. */
export function resultOfRefund(refund: Stripe.Refund): ProviderResult {
  switch (refund.status) {
    case "succeeded":
      return { kind: "done", ref: refund.id };
    case "failed":
    case "canceled":
      return declined("other");
    default:
      return unknown(`refund_${refund.status}`);
  }
}

/**
 * Returns what a failed call means. `whenMoved` judges an intent that turned out to stand elsewhere: it says whether it had
 * been done before. Nothing of the error's text leaves here, since it may hold what was sent.
 */
export function resultOfError(
  error: unknown,
  whenMoved: (intent: Stripe.PaymentIntent) => ProviderResult,
): ProviderResult {
  if (!(error instanceof StripeClient.errors.StripeError)) return unknown("client");
  if (error.code === "payment_intent_unexpected_state" && error.payment_intent) return whenMoved(error.payment_intent);
  if (error instanceof StripeClient.errors.StripeCardError) return declined(reasonOf(error));
  if (error.code === "resource_missing" && error.param === "payment_method") return declined("invalid_token");
  if (error.code === "charge_disputed") return declined("other");
  if (error.code === "charge_expired_for_capture") return declined("authorization_expired");
  if (error instanceof StripeClient.errors.StripeConnectionError) return unknown("connection");
  return unknown(error.statusCode === undefined ? "client" : `http_${error.statusCode}`);
}

/** True when Stripe refuses to make an intent for its amount, which no later try can change. */
export function isImpossibleAmount(error: unknown): boolean {
  if (!(error instanceof StripeClient.errors.StripeInvalidRequestError)) return false;
  return error.code === "amount_too_small" || error.code === "amount_too_large";
}

function reasonOf(error: { code?: string | undefined; decline_code?: string | undefined } | null): DeclineReason {
  switch (error?.decline_code ?? error?.code) {
    case "insufficient_funds":
    case "withdrawal_count_limit_exceeded":
    case "card_velocity_exceeded":
      return "insufficient_funds";
    case "expired_card":
      return "expired_card";
    case "authentication_required":
    case "payment_intent_authentication_failure":
      return "authentication_required";
    case "fraudulent":
    case "merchant_blacklist":
      return "fraud_suspected";
    default:
      return "card_declined";
  }
}

function declined(reason: DeclineReason): ProviderResult {
  return { kind: "declined", reason };
}

function unknown(cause: string): ProviderResult {
  return { kind: "unknown", cause };
}
