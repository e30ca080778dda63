// Stripe's webhooks. All that is taken from one is what it is about: intents, charges and refunds carry our ids as metadata. A
// dispute names its intent. How a dispute stands, or a refund that is said to have failed, is asked of Stripe, so that what
// comes late is not believed; and asked only once the webhook's id is known to be new.

import StripeClient, { type Stripe } from "stripe";
import type { PaymentKey } from "../domain/payment.ts";
import type { LearnedNotice, Notice, NoticeResult } from "./provider.ts";
import { retrieveDispute } from "./stripe-dispute.ts";
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
    return { kind: "notice", notice: await noticeOf(object, asking) };
  } catch {
    return { kind: "unknown", cause: "not_read" };
  }
}

async function noticeOf(object: Record<string, unknown>, asking: Asking): Promise<Notice> {
  if (object["object"] === "dispute") return await disputeOf(String(object["id"]), asking);
  const { metadata, payment_intent: intentId } = object;
  const failed = await failedRefundOf(object, asking);
  const about = keyFrom(metadata);
  // A person may have said of a refund which of ours it is, and no more.
  if (!failed || about || typeof intentId !== "string") return { about, ...failed };
  return { about: await keyOfIntent(intentId, asking), ...failed };
}

async function disputeOf(id: string, asking: Asking): Promise<Notice> {
  const { dispute, intentId } = await retrieveDispute(asking.stripe, id, { timeout: asking.timeoutMs });
  if (intentId === undefined) return { about: undefined };
  return { about: await keyOfIntent(intentId, asking), dispute };
}

async function keyOfIntent(id: string, { stripe, timeoutMs: timeout }: Asking): Promise<PaymentKey | undefined> {
  return keyFrom((await stripe.paymentIntents.retrieve(id, {}, { timeout })).metadata);
}

// A refund may fail weeks after it succeeded, and never succeeds after that. https://docs.stripe.com/refunds#failed-refunds
async function failedRefundOf(
  { object, id, status, metadata }: Record<string, unknown>,
  { stripe, timeoutMs: timeout }: Asking,
): Promise<Pick<Notice, "failedRefunds"> | undefined> {
  const { refund_id: refundId } = (metadata ?? {}) as Record<string, unknown>;
  if (object !== "refund" || !hasFailed(status) || !isUuid(refundId)) return undefined;
  const found = await stripe.refunds.retrieve(String(id), {}, { timeout });
  return hasFailed(found.status) ? { failedRefunds: [{ refundId, ref: found.id }] } : undefined;
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
