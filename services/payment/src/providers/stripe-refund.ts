// A refund at Stripe. Stripe forgets a key after a day, and until then repeats its first answer to it, a fault included. So a
// refund, which carries our id of it, is looked for before it is made, and again after a fault.

import type { Stripe } from "stripe";
import type { ProviderRequest, ProviderResult } from "./provider.ts";
import { failureOf, resultOfFailure, resultOfRefund } from "./stripe-results.ts";

type Request = ProviderRequest & { kind: "refund" };
type Within = { timeout: number };
type Found = {
  /** Those that carry the id of the refund that is asked for. */
  mine: Stripe.Refund[];
  /** The one of them that has not failed. */
  live: Stripe.Refund | undefined;
  /** All refunds of the payment that have not failed, newest first. */
  allLive: Stripe.Refund[];
};

/** Makes a refund unless it is there, and returns how it stands. Throws when Stripe can't be asked what there is. */
export async function refundAtStripe(stripe: Stripe, request: Request, within: Within): Promise<ProviderResult> {
  const { reference, eventId, refundId, captureRef, amountMinor, idempotencyKey } = request;
  const { mine, live, allLive } = await findRefunds(stripe, request, within);
  if (live) return resultOfLive(live, request);
  const readCaptured = async () => (await stripe.paymentIntents.retrieve(captureRef, {}, within)).amount_received;
  if (hasByHandSince(request, allLive)) {
    // It may have been for what is owed, or for something else; a person says which at Stripe, by the refund's metadata.
    return (
      judgeByHand(request, allLive, await readCaptured()) ?? {
        kind: "declined",
        reason: "other",
        detail: "given_by_hand",
      }
    );
  }
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
      if (failure.kind !== "fault" && failure.kind !== "refused") return resultOfFailure(failure);
      const found = await findRefunds(stripe, request, within);
      if (found.live) return resultOfLive(found.live, request);
      // It is tried again later with the next key, and looked for first: what a fault has left may be listed late.
      if (failure.kind === "fault") return { kind: "declined", reason: "other", isUnsure: true };
      return judgeByHand(request, found.allLive, await readCaptured()) ?? resultOfFailure(failure);
    },
  );
}

// What is asked for changes only after a try that came to nothing. Should that one be there after all, a person has to look;
// what is asked for stays as it is until then.
function resultOfLive(live: Stripe.Refund, { amountMinor }: Request): ProviderResult {
  if (live.amount === amountMinor) return resultOfRefund(live);
  return { kind: "declined", reason: "other", detail: "refund_of_another_amount", isUnsure: true };
}

// What others gave back, in Stripe's dashboard, is the customer's as well. Where nothing of the payment is left, the customer
// has all of it, so that this refund is made, whatever it was a part of: refunds of ours are never more in all than was captured.
// Undefined where that is not why Stripe refuses.
function judgeByHand(
  { amountMinor, coveredMinor }: Request,
  refunds: readonly Stripe.Refund[],
  capturedMinor: number,
): ProviderResult | undefined {
  const byHand = refunds.filter(isByHand);
  const [newest] = byHand;
  if (!newest) return undefined;
  const leftMinor = refunds.reduce((left, { amount }) => left - amount, capturedMinor - coveredMinor);
  if (leftMinor >= amountMinor) return undefined;
  // A person gives the rest as well, or finds that it was right so: that is no program's to say.
  if (leftMinor > 0) return { kind: "declined", reason: "other", detail: "exceeds_what_is_left" };
  const result = resultOfRefund(byHand.find(({ status }) => status !== "succeeded") ?? newest);
  return result.kind === "done" ? { ...result, byHand: true } : result;
}

function isByHand({ metadata }: Stripe.Refund): boolean {
  return metadata?.["refund_id"] === undefined;
}

// Stripe counts seconds.
function hasByHandSince({ owedSince, bookedRefs }: Request, refunds: readonly Stripe.Refund[]): boolean {
  if (!owedSince) return false;
  const sinceSeconds = Math.floor(owedSince.getTime() / 1_000);
  const isMeant = (refund: Stripe.Refund) => isByHand(refund) && !bookedRefs.includes(refund.id);
  return refunds.some((refund) => isMeant(refund) && refund.created >= sinceSeconds);
}

async function findRefunds(stripe: Stripe, { captureRef, refundId }: Request, within: Within): Promise<Found> {
  // Newest first. A payment has one running refund at a time, and few repayments beside it: what there is of this one is on the
  // first page.
  const { data } = await stripe.refunds.list({ payment_intent: captureRef, limit: 100 }, within);
  const mine = data.filter(({ metadata }) => metadata?.["refund_id"] === refundId);
  const allLive = data.filter(({ status }) => status !== "failed" && status !== "canceled");
  return { mine, live: mine.find((refund) => allLive.includes(refund)), allLive };
}
