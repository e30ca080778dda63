// Disputes at Stripe: how each stands, in our words.

import StripeClient, { type Stripe } from "stripe";
import { DisputeStatus, type Dispute } from "../domain/dispute.ts";
import type { DisputeResult } from "./provider.ts";

type Within = { timeout: number };

/** Returns a dispute that we know of, by Stripe's id, or that Stripe has none of that id. Throws when Stripe can't be asked. */
export async function disputeAtStripe(stripe: Stripe, id: string, within: Within): Promise<DisputeResult> {
  try {
    return { kind: "dispute", dispute: (await retrieveDispute(stripe, id, within)).dispute };
  } catch (error) {
    if (error instanceof StripeClient.errors.StripeError && error.statusCode === 404) return { kind: "missing" };
    throw error;
  }
}

/** Returns a dispute and the intent that it is about, if any. Throws when Stripe does not tell of it. */
export async function retrieveDispute(
  stripe: Stripe,
  id: string,
  within: Within,
): Promise<{ dispute: Dispute; intentId: string | undefined }> {
  const found = await stripe.disputes.retrieve(id, {}, within);
  const { payment_intent: intentId, amount, currency, reason } = found;
  const dispute = {
    ...{ ref: id, status: statusFrom(found), amountMinor: amount, currencyCode: currency.toUpperCase() },
    reason: reason.slice(0, 100),
  };
  return { dispute, intentId: typeof intentId === "string" ? intentId : undefined };
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
