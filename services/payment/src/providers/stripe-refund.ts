// A refund at Stripe. Stripe forgets a key after a day, and until then repeats its first answer to it, a fault included. So a
// refund, which carries our id of it, is looked for before it is made, and again after a fault.

import type { Stripe } from "stripe";
import type { ProviderRequest, ProviderResult } from "./provider.ts";
import { failureOf, resultOfFailure, resultOfRefund } from "./stripe-results.ts";

type Request = ProviderRequest & { kind: "refund" };
type Within = { timeout: number };

/** Makes a refund unless it is there, and returns how it stands. Throws when Stripe can't be asked what there is. */
export async function refundAtStripe(stripe: Stripe, request: Request, within: Within): Promise<ProviderResult> {
  const { reference, eventId, refundId, captureRef, amountMinor, idempotencyKey } = request;
  const { mine, live } = await findRefunds(stripe, request, within);
  if (live) return resultOfRefund(live);
  const making = stripe.refunds.create(
    {
      payment_intent: captureRef,
      amount: amountMinor,
      metadata: { event_id: eventId, payment_id: reference, refund_id: refundId },
    },
    { ...within, idempotencyKey },
  );
  return await making.then(
    // A repeated key gets the first answer again, whatever has become of the refund since.
    (made) => resultOfRefund(mine.find(({ id }) => id === made.id) ?? made),
    async (error: unknown) => {
      const failure = failureOf(error);
      if (failure.kind !== "fault") return resultOfFailure(failure);
      const { live: made } = await findRefunds(stripe, request, within);
      // Refused, it is tried again later with the next key, and looked for first.
      return made ? resultOfRefund(made) : { kind: "declined", reason: "other" };
    },
  );
}

async function findRefunds(
  stripe: Stripe,
  { captureRef, refundId }: Request,
  within: Within,
): Promise<{ mine: Stripe.Refund[]; live: Stripe.Refund | undefined }> {
  // Newest first; since a payment has one running refund at a time, what there is of this one is on the first page.
  const { data } = await stripe.refunds.list({ payment_intent: captureRef, limit: 100 }, within);
  const mine = data.filter(({ metadata }) => metadata?.["refund_id"] === refundId);
  return { mine, live: mine.find(({ status }) => status !== "failed" && status !== "canceled") };
}
