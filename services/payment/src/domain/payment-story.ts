// What happened to a payment, in words. The token, and the provider's names for what it did, stay here.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { assertNever } from "#shared/assert-never";
import { amountText, countText, utcText, type StoryPart, type Told } from "#shared/story";
import { PaymentState, stateName, type Order, type PaymentKey } from "./payment.ts";
import type { Refund } from "./refund.ts";

type ToldOfRefund = "refundId" | "whole" | "amountMinor" | "returnedMinor" | "coveredMinor" | "refusals" | "createdAt";
/** A refund with its times. */
export type RefundRecord = Pick<Refund, ToldOfRefund> & {
  /** The refund that it pays once more; null for one that was asked for. */
  repays: string | null;
  /** Why the provider refused it last; null where it never did. */
  refusalReason: string | null;
  /** When the provider's answer was written, and posted to the ledger; null while it is not known. */
  finishedAt: Date | null;
  /** Since when the provider has said that it is on its way, and why. */
  pendingSince: Date | null;
  pendingCause: string | null;
  /** When the provider is asked again, after it was pending or refused; null also where it is not asked any more. */
  retryAt: Date | null;
};

/** A payment with the times that are kept of it. */
export type PaymentRecord = PaymentKey & {
  state: PaymentState;
  /** Undefined in a tombstone. */
  order: Pick<Order, "reservationId" | "amountMinor" | "currencyCode" | "provider"> | undefined;
  declineReason: string | undefined;
  /** Oldest first. */
  refunds: RefundRecord[];
  /** The provider said yes once. */
  wasAuthorized: boolean;
  createdAt: Date;
  /** Null where it never was, or before this was kept. */
  authorizedAt: Date | null;
  /** When the state changed last. */
  updatedAt: Date;
  /** When the provider was asked last. */
  attemptedAt: Date;
  /** When the capture was posted to the ledger. */
  capturedAt: Date | null;
};

/** Returns the story of a payment; `resumeAfterMs` is how long a pending one is left to its callers. */
export function paymentStory(payment: PaymentRecord, { resumeAfterMs }: { resumeAfterMs: number }): StoryPart {
  const told = payment.order ? toldOf(payment, payment.order) : [buried(payment)];
  return {
    id: payment.paymentId,
    summary: `Payment ${payment.paymentId} is ${stateName(payment.state)}${paidBackWords(payment)}.`,
    told,
    next: nextOf(payment, resumeAfterMs),
    gaps: told
      .filter(({ at }) => at === null)
      .map(({ kind }) => `The time of ${StoryKind[kind]} is not kept: it was before such times were written down.`),
  };
}

type PaymentOrder = NonNullable<PaymentRecord["order"]>;

function toldOf(payment: PaymentRecord, order: PaymentOrder): Told[] {
  const amount = amountOf(order, order.amountMinor);
  const tell = (kind: StoryKind, at: Date | null, text: string): Told => ({ kind, at, text, ids: idsOf(payment) });
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
  told.push(...payment.refunds.flatMap((refund) => refundEntries(payment, order, refund)));
  return [...told, ...presentEntries(payment, order.provider)];
}

function refundEntries(payment: PaymentRecord, order: PaymentOrder, refund: RefundRecord): Told[] {
  const ids = { ...idsOf(payment), refund_id: refund.refundId };
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

function openWords({ provider }: PaymentOrder, refund: RefundRecord): string {
  const { pendingSince, pendingCause, refusals, refusalReason } = refund;
  if (pendingSince) return ` ${provider} has had it in work since ${utcText(pendingSince)} (${pendingCause}).`;
  if (refusals > 0) return ` ${provider} has refused it ${countText(refusals, "time")} (${refusalReason}).`;
  return " Its answer is not known.";
}

function repaymentEntries(
  order: PaymentOrder,
  { refund, ids }: { refund: RefundRecord; ids: Record<string, string> },
): Told[] {
  const amount = amountOf(order, refund.amountMinor);
  const text = `Of refund ${refund.repays} ${amount} came back after it was done. They are owed again, and ${order.provider} is asked once more.`;
  const owed: Told = { kind: StoryKind.PAYMENT_REFUNDING, at: refund.createdAt, text, ids };
  if (!refund.finishedAt) return [owed];
  return [owed, { kind: StoryKind.PAYMENT_REFUNDED, at: refund.finishedAt, text: refundedText(order, refund), ids }];
}

function refundedText(order: PaymentOrder, { amountMinor, coveredMinor }: RefundRecord): string {
  const paid = `${order.provider} refunded ${amountOf(order, amountMinor - coveredMinor)}`;
  if (coveredMinor === 0) return `${paid}, and it was posted to the ledger.`;
  const covered = `${amountOf(order, coveredMinor)} had gone back through a dispute that was lost`;
  return `${coveredMinor < amountMinor ? `${paid}, ` : ""}${covered}, and it was posted to the ledger.`;
}

// What only the present state tells of.
function presentEntries(payment: PaymentRecord, provider: string): Told[] {
  const tell = (kind: StoryKind, text: string): Told[] => [{ kind, at: payment.updatedAt, text, ids: idsOf(payment) }];
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
  return { kind: StoryKind.PAYMENT_VOIDED, at: payment.createdAt, text, ids: idsOf(payment) };
}

function nextOf(payment: PaymentRecord, resumeAfterMs: number): string[] {
  switch (payment.state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.CAPTURING:
    case PaymentState.VOIDING:
    case PaymentState.REFUNDING: {
      const resumed = utcText(new Date(payment.attemptedAt.getTime() + resumeAfterMs));
      const running = payment.refunds.filter(({ repays, finishedAt }) => repays === null && !finishedAt);
      // One that the provider refused, or has in work, has a time of its own.
      const isLeftAlone = running.some(({ retryAt, refusals }) => retryAt !== null || refusals > 0);
      const words = `Payment ${payment.paymentId} is ${stateName(payment.state)}: whoever needs it asks again, and after ${resumed} payment does by itself.`;
      return [...(isLeftAlone ? [] : [words]), ...running.map(refundNext)];
    }
    case PaymentState.ACTION_REQUIRED:
      return [
        `Payment ${payment.paymentId} waits for its customer: once they have acted the provider says so, and the booking asks again.`,
      ];
    case PaymentState.CAPTURED:
    case PaymentState.REFUNDED:
      return payment.refunds
        .filter(({ repays, finishedAt }) => repays !== null && !finishedAt)
        .map(({ refundId }) => `Payment asks for refund ${refundId} by itself, until it is made.`);
    case PaymentState.AUTHORIZED:
    case PaymentState.DECLINED:
    case PaymentState.VOIDED:
    case PaymentState.UNSPECIFIED:
      return [];
    default:
      return assertNever(payment.state);
  }
}

function refundNext({ refundId, pendingSince, refusals, retryAt }: RefundRecord): string {
  if (refusals > 0 && !pendingSince && !retryAt) {
    return `Nobody asks for refund ${refundId} any more, after ${countText(refusals, "refusal")}: a person has to, see docs/operations.md.`;
  }
  if (refusals > 0 && !pendingSince && retryAt) {
    return `Refund ${refundId} was refused: the provider is asked again after ${utcText(retryAt)}, or by hand, see docs/operations.md.`;
  }
  if (!pendingSince || !retryAt) return `Refund ${refundId} is posted to the ledger as soon as its answer is known.`;
  return (
    `Refund ${refundId} is on its way, which may take days: it is posted to the ledger when the provider says that it is done, ` +
    `and is asked again after ${utcText(retryAt)}.`
  );
}

// Of what came back in part; the state says the rest.
function paidBackWords({ order, refunds, state }: PaymentRecord): string {
  const sumOf = (some: readonly RefundRecord[]) => some.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const owedMinor = sumOf(refunds.filter(({ repays, finishedAt }) => repays !== null && !finishedAt));
  const paidBackMinor = sumOf(refunds.filter(({ repays, finishedAt }) => repays === null && finishedAt));
  if (order && owedMinor > 0) return `: ${amountOf(order, owedMinor)} of what was paid back are owed again`;
  if (!order || paidBackMinor === 0 || state === PaymentState.REFUNDED) return "";
  return `: ${amountOf(order, paidBackMinor)} of ${amountOf(order, order.amountMinor)} are paid back`;
}

function amountOf({ currencyCode }: PaymentOrder, amountMinor: number): string {
  return amountText({ amountMinor, currency: currencyCode });
}

function idsOf({ paymentId, order }: PaymentRecord): Record<string, string> {
  return {
    payment_id: paymentId,
    ...(order ? { reservation_id: order.reservationId } : {}),
  };
}
