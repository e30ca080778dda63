// Stripe's webhooks. All that is taken from one is what it is about: intents, charges and refunds carry our ids as metadata. A
// dispute names its intent; both are asked of Stripe, so that what comes late is not believed.

import StripeClient, { type Stripe } from "stripe";
import { DisputeStatus } from "../domain/dispute.ts";
import type { PaymentKey } from "../domain/payment.ts";
import type { Notice, NoticeResult } from "./provider.ts";
import { signatureFault, toleranceSeconds } from "./webhook-signature.ts";

/** What reading needs. */
type Context = { stripe: Stripe; secret: string; timeoutMs: number; nowMs: number };

const senseless: NoticeResult = { kind: "refused", why: "senseless" };
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Verifies and reads a webhook. Never throws. */
export async function readStripeNotice(
  { body, signature }: { body: Uint8Array; signature: string },
  { stripe, secret, timeoutMs, nowMs }: Context,
): Promise<NoticeResult> {
  let event: Stripe.Event;
  try {
    event = stripe.webhooks.constructEvent(Buffer.from(body), signature, secret, toleranceSeconds, undefined, nowMs);
  } catch (error) {
    if (!(error instanceof StripeClient.errors.StripeSignatureVerificationError)) return senseless;
    return { kind: "refused", why: `signature_${signatureFault(body, signature, { secret, nowMs }) ?? "malformed"}` };
  }
  const object = event.data?.object as unknown as Record<string, unknown> | undefined;
  if (typeof event.id !== "string" || !object) return senseless;
  try {
    const about =
      object["object"] === "dispute"
        ? await disputeOf(String(object["id"]), { stripe, timeoutMs })
        : { about: keyFrom(object["metadata"]), ...failedRefundOf(object) };
    return { kind: "notice", notice: { id: event.id, ...about } };
  } catch {
    return { kind: "unknown", cause: "not_read" };
  }
}

async function disputeOf(
  id: string,
  { stripe, timeoutMs: timeout }: Pick<Context, "stripe" | "timeoutMs">,
): Promise<Pick<Notice, "about" | "dispute">> {
  const found = await stripe.disputes.retrieve(id, {}, { timeout });
  const { payment_intent: intentId, amount, currency, reason } = found;
  if (typeof intentId !== "string") return { about: undefined };
  const { metadata } = await stripe.paymentIntents.retrieve(intentId, {}, { timeout });
  const dispute = {
    ...{ ref: id, status: statusFrom(found), amountMinor: amount, currencyCode: currency.toUpperCase() },
    reason: reason.slice(0, 100),
  };
  return { about: keyFrom(metadata), dispute };
}

// Its balance transactions tell whether money has moved: none in an inquiry, one when it was withdrawn, another one when it
// came back. https://docs.stripe.com/api/disputes/object
function statusFrom({ status, balance_transactions: moved }: Stripe.Dispute): DisputeStatus {
  if (moved.length === 0) return DisputeStatus.inquiry;
  if (status === "won") return DisputeStatus.won;
  return status === "lost" ? DisputeStatus.lost : DisputeStatus.open;
}

// A refund may fail weeks after it succeeded, and never succeeds after that. https://docs.stripe.com/refunds#failed-refunds
function failedRefundOf({ object, status, metadata }: Record<string, unknown>): Pick<Notice, "failedRefundId"> {
  const { refund_id: refundId } = (metadata ?? {}) as Record<string, unknown>;
  const hasFailed = object === "refund" && (status === "failed" || status === "canceled");
  return hasFailed && isUuid(refundId) ? { failedRefundId: refundId } : {};
}

// Another system's objects have other metadata, or none.
function keyFrom(metadata: unknown): PaymentKey | undefined {
  const { event_id: eventId, payment_id: paymentId } = (metadata ?? {}) as Record<string, unknown>;
  return isUuid(eventId) && isUuid(paymentId) ? { eventId, paymentId } : undefined;
}

function isUuid(value: unknown): value is string {
  return typeof value === "string" && uuidPattern.test(value);
}
