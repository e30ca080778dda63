// What Stripe keeps of a capture stands in the balance transaction of its charge, in the currency that the account settles in. It
// is asked for apart from the capture: the answer to a capture may not have it yet, and a restricted key that may not read it
// could be refused the whole call. https://docs.stripe.com/payments/payment-intents/asynchronous-capture,
// https://docs.stripe.com/stripe-apps/reference/permissions#object-permissions

import type { Stripe } from "stripe";
import { parseFee } from "../domain/fee.ts";
import type { FeeResult } from "./provider.ts";
import { isCountedInIsoUnits } from "./stripe-amounts.ts";

/** Returns the fee of a captured intent. Throws when Stripe can't be asked. */
export async function feeAtStripe(stripe: Stripe, intentId: string, within: { timeout: number }): Promise<FeeResult> {
  const expand = ["latest_charge.balance_transaction"];
  const { latest_charge: charge } = await stripe.paymentIntents.retrieve(intentId, { expand }, within);
  const moved = charge && typeof charge !== "string" ? charge.balance_transaction : undefined;
  if (!moved || typeof moved === "string") return { kind: "unknown", cause: "not_yet" };
  const fee = parseFee(moved.fee, moved.currency);
  return fee && isCountedInIsoUnits(fee.currencyCode) ? { kind: "fee", fee } : { kind: "unknown", cause: "odd_fee" };
}
