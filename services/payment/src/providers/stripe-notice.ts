// Stripe's webhooks. All that is taken from one is what it is about: intents, charges and refunds carry our ids as metadata. A
// dispute names its intent. How a dispute stands, or a refund that is said to have failed, is asked of Stripe, so that what
// comes late is not believed; and asked only once the webhook's id is known to be new.

import StripeClient, { type Stripe } from "stripe";
import { DisputeStatus } from "../domain/dispute.ts";
import type { PaymentKey } from "../domain/payment.ts";
import type { LearnedNotice, Notice, NoticeResult } from "./provider.ts";
import { signatureFault, toleranceSeconds } from "./webhook-signature.ts";

/** What reading needs. */
type Context = { stripe: Stripe; secret: string; nowMs: number };
/** What asking needs. */
type Asking = { stripe: Stripe; timeoutMs: number };

const senseless: NoticeResult = { kind: "refused", why: "senseless" };
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Verifies a webhook and reads its id. Never throws. */
export function readStripeNotice(
  { body, signature }: { body: Uint8Array; signature: string },
  { stripe, secret, nowMs }: Context,
): NoticeResult {
  let event: Stripe.Event;
  try {
    event = stripe.webhooks.constructEvent(Buffer.from(body), signature, secret, toleranceSeconds, undefined, nowMs);
  } catch (error) {
    if (!(error instanceof StripeClient.errors.StripeSignatureVerificationError)) return senseless;
    return { kind: "refused", why: `signature_${signatureFault(body, signature, { secret, nowMs }) ?? "malformed"}` };
  }
  const object = event.data?.object as unknown as Record<string, unknown> | undefined;
  if (typeof event.id !== "string" || !object) return senseless;
  return { kind: "read", id: event.id, learn: (timeoutMs) => learn(object, { stripe, timeoutMs }) };
}

async function learn(object: Record<string, unknown>, asking: Asking): Promise<LearnedNotice> {
  try {
    if (object["object"] === "dispute")
      return { kind: "notice", notice: await disputeOf(String(object["id"]), asking) };
    const failed = await failedRefundOf(object, asking);
    return { kind: "notice", notice: { about: keyFrom(object["metadata"]), ...failed } };
  } catch {
    return { kind: "unknown", cause: "not_read" };
  }
}

async function disputeOf(id: string, { stripe, timeoutMs: timeout }: Asking): Promise<Notice> {
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
// came back. An inquiry and the chargeback after it may be one dispute or two. A loss is appealed against without the money,
// and what the bank gives back late counts as won whatever the status says.
// https://docs.stripe.com/api/disputes/object, https://docs.stripe.com/disputes/how-disputes-work
function statusFrom({ status, balance_transactions: moved }: Stripe.Dispute): DisputeStatus {
  if (moved.length === 0 || status.startsWith("warning_")) return DisputeStatus.inquiry;
  const isBack = moved.length > 1 && moved.reduce((sum, { amount }) => sum + amount, 0) >= 0;
  if (status === "won" || isBack) return DisputeStatus.won;
  return status === "lost" || status.startsWith("appeal_") ? DisputeStatus.lost : DisputeStatus.open;
}

// A refund may fail weeks after it succeeded, and never succeeds after that. https://docs.stripe.com/refunds#failed-refunds
async function failedRefundOf(
  { object, id, status, metadata }: Record<string, unknown>,
  { stripe, timeoutMs: timeout }: Asking,
): Promise<Pick<Notice, "failedRefunds">> {
  const { refund_id: refundId } = (metadata ?? {}) as Record<string, unknown>;
  if (object !== "refund" || !hasFailed(status) || !isUuid(refundId)) return {};
  const found = await stripe.refunds.retrieve(String(id), {}, { timeout });
  return hasFailed(found.status) ? { failedRefunds: [{ refundId, ref: found.id }] } : {};
}

function hasFailed(status: unknown): boolean {
  return status === "failed" || status === "canceled";
}

// Another system's objects have other metadata, or none.
function keyFrom(metadata: unknown): PaymentKey | undefined {
  const { event_id: eventId, payment_id: paymentId } = (metadata ?? {}) as Record<string, unknown>;
  return isUuid(eventId) && isUuid(paymentId) ? { eventId, paymentId } : undefined;
}

function isUuid(value: unknown): value is string {
  return typeof value === "string" && uuidPattern.test(value);
}
