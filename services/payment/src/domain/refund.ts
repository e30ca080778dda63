// Refunds of a payment: any number, each by its own id, one at a time, never more in all than was captured. Pure.

import { RefusalReason, type Refusal } from "#stubs";
import { createRefusal } from "#shared/refusal";
import type { ProviderRequest } from "../providers/provider.ts";
import { emptyPart, inProgress, keyReused, notFound, wrongState } from "./refusals.ts";
import { PaymentState, type Payment, type PaymentKey } from "./payment.ts";
import { tryKey } from "./refusal-backoff.ts";

/** What is given back, in minor units: money, and the seats that come back with it, at the price that was paid. */
export type RefundPart = { amountMinor: number; returnedMinor: number };

/** A refund as it is asked for. Without a part it is whatever is left. */
export type RefundRequest = PaymentKey & { refundId: string; part: RefundPart | undefined };

/** A refund. */
export type Refund = RefundPart & {
  refundId: string;
  /** It was asked for without a part. */
  whole: boolean;
  createdAt: Date;
  /** Undefined while the provider's answer is not known. */
  finishedAt: Date | undefined;
  /** Of the amount: what the customer has already, since a dispute was lost. The provider is asked for the rest. */
  coveredMinor: number;
  /** The same of all refunds of its payment. */
  coveredInAllMinor: number;
  /**
   * The refund that this one pays once more, as it failed after it was done, or a lost dispute that had paid it was won on
   * appeal; undefined for one that was asked for.
   */
  repays: string | undefined;
  /** When the refund that it repays was done: money given since then may have been meant for this one. */
  owedSince: Date | undefined;
  /** The provider's names for the refunds of its payment that are done. */
  bookedRefs: readonly string[];
  /** How often the provider has refused it for good. */
  refusals: number;
  /** Since when the provider has said that it is on its way. */
  pendingSince: Date | undefined;
  /** False for a while after a refusal, or after it was found pending: the provider is left alone. */
  isRetryDue: boolean;
  /** True while the customer's bank has the money, and the provider would refuse. */
  waitsForDispute: boolean;
  /** While it is pending, or waits for a dispute's end: milliseconds until asking again makes sense. */
  retryAfterMs: number | undefined;
};

/** What to do next. */
export type RefundDecision =
  /** Write it down, and the payment as REFUNDING. */
  | { kind: "begin"; part: RefundPart }
  /** It is written: ask the provider, again if need be. */
  | { kind: "ask"; refund: Refund }
  /** Nothing is left to do, or nothing for now. */
  | { kind: "answer"; refund: Refund }
  | { kind: "refuse"; refusal: Refusal };

/** Returns what becomes of a request, given the payment as it stands and all of its refunds. */
export function decideRefund(
  payment: Payment | undefined,
  refunds: readonly Refund[],
  request: RefundRequest,
): RefundDecision {
  if (!payment) return refuse(notFound());
  const known = refunds.find(({ refundId }) => refundId === request.refundId);
  if (known) {
    if (!isRepeat(known, request)) return refuse(keyReused("refund_id"));
    // A provider that refused for good, or has it in work, is not asked again with every call.
    return { kind: mayAsk(known) && known.isRetryDue ? "ask" : "answer", refund: known };
  }
  switch (payment.state) {
    case PaymentState.CAPTURED:
    case PaymentState.REFUNDED:
      return decideNew(payment, request);
    case PaymentState.REFUNDING:
      return refuse(inProgress("another refund of this payment is running"));
    default:
      return refuse(wrongState(payment));
  }
}

/** Returns whether it makes sense to ask the provider about a refund at all. */
export function mayAsk({ finishedAt, waitsForDispute }: Refund): boolean {
  return !finishedAt && !waitsForDispute;
}

/**
 * Returns what the provider is asked, or undefined where there is nothing to pay back. The idempotency key follows from the
 * refund alone, and moves on only with a refusal.
 */
export function refundRequestOf(payment: Payment, refund: Refund): ProviderRequest | undefined {
  const { eventId, order, captureRef, paymentId } = payment;
  if (!order || captureRef === undefined) throw new Error(`payment ${paymentId} was never captured`);
  const amountMinor = refund.amountMinor - refund.coveredMinor;
  if (amountMinor === 0) return undefined;
  return {
    kind: "refund",
    idempotencyKey: tryKey(`${paymentId}:refund:${refund.refundId}`, refund.refusals),
    reference: paymentId,
    eventId,
    refundId: refund.refundId,
    captureRef,
    amountMinor,
    currencyCode: order.currencyCode,
    coveredMinor: refund.coveredInAllMinor,
    owedSince: refund.owedSince,
    bookedRefs: refund.bookedRefs,
  };
}

function decideNew(payment: Payment, { part }: RefundRequest): RefundDecision {
  const capturedMinor = payment.order!.amountMinor;
  const left = {
    amountMinor: capturedMinor - payment.refundedMinor,
    returnedMinor: capturedMinor - payment.returnedMinor,
  };
  const wanted = part ?? left;
  if (part && isNothing(part)) return refuse(emptyPart());
  // All the money is back; what may still come back is seats.
  if (isNothing(wanted) || (left.amountMinor === 0 && wanted.amountMinor > 0)) return refuse(wrongState(payment));
  if (wanted.amountMinor > left.amountMinor || wanted.returnedMinor > left.returnedMinor) {
    return refuse(
      createRefusal(RefusalReason.REFUND_EXCEEDS_PAYMENT, "more would be given back than is left of the payment", {
        metadata: { left_minor: String(left.amountMinor) },
      }),
    );
  }
  return { kind: "begin", part: wanted };
}

function isNothing({ amountMinor, returnedMinor }: RefundPart): boolean {
  return amountMinor === 0 && returnedMinor === 0;
}

function isRepeat(refund: Refund, { part }: RefundRequest): boolean {
  if (!part) return refund.whole;
  return part.amountMinor === refund.amountMinor && part.returnedMinor === refund.returnedMinor;
}

function refuse(refusal: Refusal): RefundDecision {
  return { kind: "refuse", refusal };
}
