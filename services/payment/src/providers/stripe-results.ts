// What Stripe's answers mean. Pure. Only what certainly did nothing is a decline; whatever is not listed here is unknown. Stripe
// repeats its first answer to a key for a day, faults included, so what an error leaves open is read from the object itself.
// https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/declines/codes

import StripeClient, { type Stripe } from "stripe";
import type { DeclineReason } from "../domain/decline-reason.ts";
import { pendingCauses } from "../domain/pending-refund.ts";
import type { ProviderResult } from "./provider.ts";

/** What a call that failed tells. `cause` is for logs. Nothing of an error's text is here, since it may hold what was sent. */
export type Failure =
  /** The card's bank or Stripe said no; a repeat would hear the same. */
  | { kind: "refused"; by: "bank" | "stripe"; reason: DeclineReason; cause: string }
  /** Something went wrong at Stripe, before or after it was done. A repeat with the same key would hear the same. */
  | { kind: "fault"; cause: string }
  /** Something stood in the way, perhaps that it was done before. */
  | { kind: "unclear"; cause: string }
  /** There was no answer, or one that looking would get as well. */
  | { kind: "unanswered"; cause: string };

/** Returns how an authorisation stands, after a call that failed if there is a `failure`. */
export function resultOfAuthorization(intent: Stripe.PaymentIntent, failure?: Failure): ProviderResult {
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
      if (failure && !intent.last_payment_error) return resultOfFailure(failure);
      return declined(reasonOf(intent.last_payment_error));
    case "canceled":
      return declined(reasonOfEnd(intent));
    case "requires_confirmation":
      if (failure) return resultOfFailure(failure);
      return unknown(`intent_${intent.status}`);
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
      return declined(reasonOfEnd(intent));
    default:
      return unknown(`intent_${intent.status}`);
  }
}

/** Returns how a void stands, after a call that failed if there is a `failure`. What was captured can't be voided any more. */
export function resultOfVoid(intent: Stripe.PaymentIntent, failure?: Failure): ProviderResult {
  switch (intent.status) {
    case "canceled":
      return { kind: "done", ref: intent.id };
    case "succeeded":
      return declined("other");
    default:
      return failure ? resultOfFailure(failure) : unknown(`intent_${intent.status}`);
  }
}

/** Returns how a refund stands. One that is pending may still fail. https://docs.stripe.com/api/refunds/object */
export function resultOfRefund(refund: Stripe.Refund): ProviderResult {
  switch (refund.status) {
    case "succeeded":
      return { kind: "done", ref: refund.id };
    case "failed":
    case "canceled":
      return declined("other");
    case "pending":
      return { kind: "pending", cause: pendingCauses.find((cause) => cause === refund.pending_reason) ?? "other" };
    case "requires_action":
      return { kind: "pending", cause: "customer" };
    default:
      return unknown(`refund_${refund.status}`);
  }
}

/** Returns what a failed call tells. https://docs.stripe.com/error-low-level */
export function failureOf(error: unknown): Failure {
  const { StripeError, StripeCardError, StripeConnectionError, StripeInvalidRequestError } = StripeClient.errors;
  if (error instanceof StripeConnectionError) return { kind: "unanswered", cause: "connection" };
  if (!(error instanceof StripeError) || error.statusCode === undefined) return { kind: "unanswered", cause: "client" };
  const { statusCode, code } = error;
  const cause = `http_${statusCode}`;
  if (error instanceof StripeCardError) return { kind: "refused", by: "bank", reason: reasonOf(error), cause };
  // An intent that stands elsewhere may be there because the step was done before.
  if (error instanceof StripeInvalidRequestError && code !== "payment_intent_unexpected_state")
    return { kind: "refused", by: "stripe", reason: reasonOfRefusal(error), cause };
  if (statusCode >= 500) return { kind: "fault", cause };
  return { kind: [401, 403, 429].includes(statusCode) ? "unanswered" : "unclear", cause };
}

/** Returns what a failure means where nothing else is to be learned. */
export function resultOfFailure(failure: Failure): ProviderResult {
  return failure.kind === "refused" ? declined(failure.reason) : unknown(failure.cause);
}

function reasonOfEnd(intent: Stripe.PaymentIntent): DeclineReason {
  return intent.cancellation_reason === "automatic" ? "authorization_expired" : "authorization_voided";
}

function reasonOfRefusal({ code, param }: { code?: string | undefined; param?: string | undefined }): DeclineReason {
  if (param === "currency") return "currency_not_supported";
  switch (code) {
    case "capture_charge_authorization_expired":
    case "charge_expired_for_capture":
      return "authorization_expired";
    case "resource_missing":
      return param === "payment_method" ? "invalid_token" : "other";
    default:
      return code?.startsWith("payment_method_") ? "invalid_token" : "other";
  }
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
