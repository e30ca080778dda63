// What happened to a payment's refunds, in words.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { amountText, countText, utcText, type Told } from "#shared/story";
import { storyIds, type OrderRecord, type PaymentRecord, type RefundRecord } from "./payment-record.ts";

/** Returns what a payment's refund did, in its order. */
export function refundEntries(payment: PaymentRecord, order: OrderRecord, refund: RefundRecord): Told[] {
  const ids = { ...storyIds(payment), refund_id: refund.refundId };
  const amount = amountOf(order, refund.amountMinor);
  if (refund.repays !== null) return repaymentEntries(order, { refund, ids });
  const places =
    refund.returnedMinor > 0
      ? `for places worth ${amountOf(order, refund.returnedMinor)}`
      : "for which no place comes back";
  const what = refund.whole ? `all that was left, ${amount}` : amount;
  const isAsked = refund.amountMinor > 0;
  const begun: Told = {
    kind: StoryKind.PAYMENT_REFUNDING,
    at: refund.createdAt,
    text:
      `The intent to refund ${what}, ${places}, was written` +
      (isAsked ? `, before ${order.provider} was asked.` : ": earlier refunds paid that back, and nobody is asked."),
    ids,
  };
  if (!refund.finishedAt) return [{ ...begun, text: `${begun.text}${isAsked ? openWords(order, refund) : ""}` }];
  const text = isAsked ? refundedText(order, refund) : "That the places came back was posted to the ledger.";
  return [begun, { kind: StoryKind.PAYMENT_REFUNDED, at: refund.finishedAt, text, ids }];
}

/** Returns what happens next with a refund that was asked for and is not done. */
export function refundNext(refund: RefundRecord): string {
  const { refundId, pendingSince, refusals, retryAt } = refund;
  if (refund.waitsForDispute) return waitingWords(refund);
  if (isGivenUp(refund)) return givenUpWords(refund);
  if (pendingSince && retryAt) {
    return (
      `Refund ${refundId} is on its way, which may take days: it is posted to the ledger when the provider says that it is done, ` +
      `and is asked again after ${utcText(retryAt)}.`
    );
  }
  return refusals > 0 && retryAt
    ? `Refund ${refundId} was refused: the provider is asked again after ${utcText(retryAt)}, or by hand, see docs/operations.md.`
    : `Refund ${refundId} is posted to the ledger as soon as its answer is known.`;
}

/** Returns what happens next with what is owed again. */
export function repaymentNext(refund: RefundRecord): string {
  if (refund.waitsForDispute) return waitingWords(refund);
  if (isGivenUp(refund)) return givenUpWords(refund);
  return `Payment asks for refund ${refund.refundId} by itself, until it is made.`;
}

function openWords({ provider }: OrderRecord, refund: RefundRecord): string {
  if (refund.waitsForDispute) return " The customer's bank has the money: asked when the dispute is decided.";
  const { pendingSince, pendingCause, refusals, refusalReason } = refund;
  if (pendingSince) return ` ${provider} has had it in work since ${utcText(pendingSince)} (${pendingCause}).`;
  if (refusals > 0) return ` ${provider} has refused it ${countText(refusals, "time")} (${refusalReason}).`;
  return " Its answer is not known.";
}

function repaymentEntries(
  order: OrderRecord,
  { refund, ids }: { refund: RefundRecord; ids: Record<string, string> },
): Told[] {
  const amount = amountOf(order, refund.amountMinor);
  const text = `Of refund ${refund.repays} ${amount} came back to us: it failed after it was done, or the dispute that had paid it was won on appeal. They are owed again, and ${order.provider} is asked for them.`;
  const owed: Told = { kind: StoryKind.PAYMENT_REFUNDING, at: refund.createdAt, text, ids };
  if (!refund.finishedAt) return [owed];
  return [owed, { kind: StoryKind.PAYMENT_REFUNDED, at: refund.finishedAt, text: refundedText(order, refund), ids }];
}

function refundedText(order: OrderRecord, { amountMinor, coveredMinor }: RefundRecord): string {
  const paid = `${order.provider} refunded ${amountOf(order, amountMinor - coveredMinor)}`;
  if (coveredMinor === 0) return `${paid}, and it was posted to the ledger.`;
  const covered = `${amountOf(order, coveredMinor)} had gone back through a dispute that was lost`;
  return `${coveredMinor < amountMinor ? `${paid}, ` : ""}${covered}, and it was posted to the ledger.`;
}

function isGivenUp({ refusals, pendingSince, retryAt }: RefundRecord): boolean {
  return refusals > 0 && !pendingSince && !retryAt;
}

function givenUpWords({ refundId, refusals }: RefundRecord): string {
  return `Nobody asks for refund ${refundId} any more, after ${countText(refusals, "refusal")}: a person has to, see docs/operations.md.`;
}

function waitingWords({ refundId }: RefundRecord): string {
  return `Refund ${refundId} waits: the customer's bank has the money. Won, the provider is asked at once; lost, the chargeback is the refund.`;
}

function amountOf({ currencyCode }: OrderRecord, amountMinor: number): string {
  return amountText({ amountMinor, currency: currencyCode });
}
