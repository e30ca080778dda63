// What happened to a payment, in words. The token, and the provider's names for what it did, stay here.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { assertNever } from "#shared/assert-never";
import { amountText, utcText, type StoryPart, type Told } from "#shared/story";
import { disputeEntries, disputeNext, inTimeOrder } from "./dispute-story.ts";
import { storyIds, type OrderRecord, type PaymentRecord } from "./payment-record.ts";
import { PaymentState, stateName } from "./payment.ts";
import { refundEntries, refundNext, repaymentNext } from "./refund-story.ts";

/** Returns the story of a payment; `resumeAfterMs` is how long a pending one is left to its callers. */
export function paymentStory(payment: PaymentRecord, { resumeAfterMs }: { resumeAfterMs: number }): StoryPart {
  const told = payment.order ? toldOf(payment, payment.order) : [buried(payment)];
  return {
    id: payment.paymentId,
    summary: `Payment ${payment.paymentId} is ${stateName(payment.state)}${paidBackWords(payment)}.`,
    told,
    next: [...nextOf(payment, resumeAfterMs), ...repaymentsNext(payment), ...disputeNext(payment)],
    gaps: told
      .filter(({ at }) => at === null)
      .map(({ kind }) => `The time of ${StoryKind[kind]} is not kept: it was before such times were written down.`),
  };
}

function toldOf(payment: PaymentRecord, order: OrderRecord): Told[] {
  const amount = amountOf(order, order.amountMinor);
  const tell = (kind: StoryKind, at: Date | null, text: string): Told => ({ kind, at, text, ids: storyIds(payment) });
  const told = [
    tell(
      StoryKind.PAYMENT_REQUESTED,
      payment.createdAt,
      `The intent to authorise ${amount} was written, before ${order.provider} was asked.`,
    ),
  ];
  if (payment.wasAuthorized) {
    const text = `${order.provider} authorised ${amount}.`;
    told.push(tell(StoryKind.PAYMENT_AUTHORIZED, payment.authorizedAt, text));
  }
  if (payment.capturedAt) {
    const text = `${order.provider} captured ${amount}, and it was posted to the ledger.`;
    told.push(tell(StoryKind.PAYMENT_CAPTURED, payment.capturedAt, text));
  }
  const later = [
    ...feeEntries(payment, order),
    ...disputeEntries(payment, order),
    ...payment.refunds.flatMap((refund) => refundEntries(payment, order, refund)),
  ];
  return [...told, ...inTimeOrder(later), ...presentEntries(payment, order.provider)];
}

function feeEntries(payment: PaymentRecord, { provider }: OrderRecord): Told[] {
  const { fee, capturedAt } = payment;
  if (!fee) return [];
  const text = `${provider} kept ${amountText({ ...fee, currency: fee.currencyCode })} as its fee, and it was posted to the ledger.`;
  // One that came with the capture was posted by the same statement, in no order.
  const at = capturedAt && capturedAt > fee.postedAt ? capturedAt : fee.postedAt;
  return [{ kind: StoryKind.PAYMENT_FEE_POSTED, at, text, ids: storyIds(payment) }];
}

// What only the present state tells of.
function presentEntries(payment: PaymentRecord, provider: string): Told[] {
  const tell = (kind: StoryKind, text: string): Told[] => [
    { kind, at: payment.updatedAt, text, ids: storyIds(payment) },
  ];
  switch (payment.state) {
    case PaymentState.CAPTURING:
      return tell(StoryKind.PAYMENT_CAPTURING, `${provider} is being asked to capture; its answer is not known.`);
    case PaymentState.ACTION_REQUIRED:
      return tell(StoryKind.PAYMENT_ACTION_REQUIRED, `${provider} waits for the customer to act on its page.`);
    case PaymentState.DECLINED:
      return tell(StoryKind.PAYMENT_DECLINED, `${provider} declined: ${payment.declineReason ?? "no reason given"}.`);
    case PaymentState.VOIDING:
      return tell(StoryKind.PAYMENT_VOIDING, `${provider} is being asked to void; its answer is not known.`);
    case PaymentState.VOIDED:
      return tell(StoryKind.PAYMENT_VOIDED, "The payment is void: nothing was taken.");
    case PaymentState.REFUNDING:
    case PaymentState.AUTHORIZING:
    case PaymentState.AUTHORIZED:
    case PaymentState.CAPTURED:
    case PaymentState.REFUNDED:
    case PaymentState.UNSPECIFIED:
      return [];
    default:
      return assertNever(payment.state);
  }
}

function buried(payment: PaymentRecord): Told {
  const text =
    "Voided before its authorisation arrived: one that comes later is refused, and asks the provider nothing.";
  return { kind: StoryKind.PAYMENT_VOIDED, at: payment.createdAt, text, ids: storyIds(payment) };
}

function nextOf(payment: PaymentRecord, resumeAfterMs: number): string[] {
  switch (payment.state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.CAPTURING:
    case PaymentState.VOIDING:
    case PaymentState.REFUNDING: {
      const resumed = utcText(new Date(payment.attemptedAt.getTime() + resumeAfterMs));
      const running = payment.refunds.filter(({ repays, finishedAt }) => repays === null && !finishedAt);
      // One that the provider refused, or has in work, has a time of its own, and one that waits for a dispute its own end.
      const isLeftAlone = running.some(
        (refund) => refund.refusals > 0 || refund.pendingSince !== null || refund.waitsForDispute,
      );
      const words = `Payment ${payment.paymentId} is ${stateName(payment.state)}: whoever needs it asks again, and after ${resumed} payment does by itself.`;
      return [...(isLeftAlone ? [] : [words]), ...running.map((refund) => refundNext(refund))];
    }
    case PaymentState.ACTION_REQUIRED:
      return [
        `Payment ${payment.paymentId} waits for its customer: once they have acted the provider says so, and the booking asks again.`,
      ];
    case PaymentState.CAPTURED:
    case PaymentState.REFUNDED:
    case PaymentState.AUTHORIZED:
    case PaymentState.DECLINED:
    case PaymentState.VOIDED:
    case PaymentState.UNSPECIFIED:
      return [];
    default:
      return assertNever(payment.state);
  }
}

// They run beside whatever else happens to the payment.
function repaymentsNext({ refunds }: PaymentRecord): string[] {
  return refunds
    .filter(({ repays, finishedAt }) => repays !== null && !finishedAt)
    .map((refund) => repaymentNext(refund));
}

// Of what came back in part; the state says the rest.
function paidBackWords({ order, refunds, state }: PaymentRecord): string {
  const sumOf = (some: PaymentRecord["refunds"]) => some.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const owedMinor = sumOf(refunds.filter(({ repays, finishedAt }) => repays !== null && !finishedAt));
  const paidBackMinor = sumOf(refunds.filter(({ repays, finishedAt }) => repays === null && finishedAt));
  if (order && owedMinor > 0) return `: ${amountOf(order, owedMinor)} of what was paid back are owed again`;
  if (!order || paidBackMinor === 0 || state === PaymentState.REFUNDED) return "";
  return `: ${amountOf(order, paidBackMinor)} of ${amountOf(order, order.amountMinor)} are paid back`;
}

function amountOf({ currencyCode }: OrderRecord, amountMinor: number): string {
  return amountText({ amountMinor, currency: currencyCode });
}
