// What is done about what a provider says of a payment, in a webhook or when it is asked. It is only a hint that the payment has
// moved: how that stands is asked as well. So order does not matter, and a repeat changes nothing.

import type { Logger } from "#shared/logger";
import { disputeStatusNames, type Dispute } from "./domain/dispute.ts";
import { PaymentState, type Payment } from "./domain/payment.ts";
import type { Finished } from "./domain/settle.ts";
import type { Payments } from "./payments.ts";
import type { FailedRefund, Notice } from "./providers/provider.ts";
import type { DisputeStore } from "./store-disputes.ts";
import type { RepaymentStore } from "./store-repayments.ts";
import type { Store } from "./store.ts";

/** What became of a notice. `payment` is the one that it is about, as it stands, if it is one of ours. */
export type Followed =
  | { kind: "accepted"; payment: Payment | undefined }
  /** Something is left to do: to be followed again. */
  | { kind: "notProcessed" };

/** Follows what the provider of that name says, until `deadlineAtMs`. Throws for failed I/O; then something is left to do. */
export type FollowNotice = (provider: string, notice: Notice, deadlineAtMs: number) => Promise<Followed>;

/** What `createFollowNotice` needs. */
export type FollowNoticeContext = {
  payments: Pick<Payments, "finish">;
  store: Pick<Store, "read">;
  disputes: Pick<DisputeStore, "record">;
  repayments: Pick<RepaymentStore, "noteFailed" | "wakePending">;
  log: Logger;
};

// From AUTHORIZING over ACTION_REQUIRED to its end: a webhook can overtake the answer to the call that it tells of.
const roundsMax = 2;

/** Returns the function that follows notices. */
export function createFollowNotice(context: FollowNoticeContext): FollowNotice {
  const { payments, store, disputes, repayments, log } = context;

  async function record(payment: Payment, dispute: Dispute): Promise<boolean> {
    if (!(await disputes.record(payment, dispute))) return false;
    const { eventId, paymentId, order } = payment;
    const { ref, reason } = dispute;
    const status = disputeStatusNames[dispute.status];
    log.warn({
      event: "payment.disputed",
      eventId,
      paymentId,
      reservationId: order?.reservationId,
      ref,
      status,
      reason,
    });
    return true;
  }

  async function noteFailed({ eventId, paymentId }: Payment, { refundId, ref }: FailedRefund): Promise<void> {
    if (!(await repayments.noteFailed({ eventId, paymentId, refundId, ref }))) return;
    log.error({ event: "payment.refund_failed", eventId, paymentId, refundId });
  }

  async function catchUp(payment: Payment, deadlineAtMs: number): Promise<Finished> {
    let current: Finished = { payment, isAnswered: true };
    for (let round = 0; round < roundsMax && mayAsk(current.payment); round += 1) {
      const { state } = current.payment;
      current = await payments.finish(current.payment, deadlineAtMs);
      if (!current.isAnswered || current.payment.state === state) break;
    }
    return current;
  }

  return async (provider, { about, dispute, failedRefunds = [] }, deadlineAtMs) => {
    const [payment] = about ? await store.read([about]) : [];
    // Every payment of ours was written before the provider heard of it, so one that is not here is somebody else's; and no
    // provider has a say about another's.
    if (payment?.order?.provider !== provider) return { kind: "accepted", payment: undefined };
    const { payment: after, isAnswered } = await catchUp(payment, deadlineAtMs);
    // What is disputed was captured, and the capture is booked before what undoes it. From then on a refund that gets no answer
    // keeps nothing from being written.
    if (!isCaptured(after.state) && (dispute || !isAnswered)) return { kind: "notProcessed" };
    for (const failed of failedRefunds) await noteFailed(after, failed);
    // A repayment is no part of the payment's state; only what was paid back can be owed again.
    if (after.refundedMinor > 0) await repayments.wakePending(after);
    const isNews = dispute !== undefined && (await record(after, dispute));
    if (!isAnswered) return { kind: "notProcessed" };
    if (!isNews) return { kind: "accepted", payment: after };
    // A refund that waited for the dispute's end goes on; one that gets no answer is the resumer's.
    const { payment: last } = await catchUp(after, deadlineAtMs);
    return { kind: "accepted", payment: last };
  };
}

function isCaptured(state: PaymentState): boolean {
  return state === PaymentState.CAPTURED || state === PaymentState.REFUNDING || state === PaymentState.REFUNDED;
}

// A provider that refused for good is left alone for a while, also when it tells of that very refusal.
function mayAsk({ state, isRetryDue }: Payment): boolean {
  switch (state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.ACTION_REQUIRED:
    case PaymentState.CAPTURING:
    case PaymentState.VOIDING:
    case PaymentState.REFUNDING:
      return isRetryDue;
    default:
      return false;
  }
}
