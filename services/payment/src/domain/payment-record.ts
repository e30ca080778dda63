// What is kept of a payment and when it happened, for its story.

import type { Dispute, DisputePosting } from "./dispute.ts";
import type { Fee } from "./fee.ts";
import type { Order, PaymentKey, PaymentState } from "./payment.ts";
import type { Refund } from "./refund.ts";

type ToldOfRefund =
  "refundId" | "whole" | "amountMinor" | "returnedMinor" | "refusals" | "createdAt" | "waitsForDispute";
/** A refund with its times. */
export type RefundRecord = Pick<Refund, ToldOfRefund> & {
  /** Of the amount: what a lost dispute had paid when it was posted to the ledger; nothing before that. */
  coveredMinor: number;
  /** The refund that it pays once more; null for one that was asked for. */
  repays: string | null;
  /** Why the provider refused it last; null where it never did. */
  refusalReason: string | null;
  /** When the provider's answer was written, and posted to the ledger; null while it is not known. */
  finishedAt: Date | null;
  /** Since when the provider has said that it is on its way, and why. */
  pendingSince: Date | null;
  pendingCause: string | null;
  /** When the provider is asked again, after it was pending or refused; null for never, after too many refusals. */
  retryAt: Date | null;
};

/** Money that moved with a dispute, as it was posted. */
export type DisputeMove = DisputePosting & { postedAt: Date };

/** A dispute with its times, and what it moved, oldest first. */
export type DisputeRecord = Omit<Dispute, "ref"> & {
  /** When it was heard of first. */
  openedAt: Date;
  /** When its status or its amount changed last. */
  updatedAt: Date;
  moves: DisputeMove[];
};

/** A payment with the times that are kept of it. */
export type PaymentRecord = PaymentKey & {
  state: PaymentState;
  /** Undefined in a tombstone. */
  order: Pick<Order, "reservationId" | "amountMinor" | "currencyCode" | "provider"> | undefined;
  declineReason: string | undefined;
  /** Oldest first. */
  refunds: RefundRecord[];
  /** Oldest first. */
  disputes: DisputeRecord[];
  /** What the provider kept of the capture; undefined while that is not known, or where it is nothing. */
  fee: (Fee & { postedAt: Date }) | undefined;
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

/** What of an order a story tells. */
export type OrderRecord = NonNullable<PaymentRecord["order"]>;

/** Returns the ids that every entry of a payment's story has. */
export function storyIds({ paymentId, order }: PaymentRecord): Record<string, string> {
  return {
    payment_id: paymentId,
    ...(order ? { reservation_id: order.reservationId } : {}),
  };
}
