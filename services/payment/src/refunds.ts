// How a refund is carried out: written down, asked of the provider with no transaction open, posted with the answer.

import type { Refusal } from "#stubs";
import type { Caller } from "#shared/batcher";
import { assertNever } from "#shared/assert-never";
import type { Logger } from "#shared/logger";
import { stateName, type Payment } from "./domain/payment.ts";
import type { PendingCause } from "./domain/pending-refund.ts";
import { mayAsk, refundRequestOf, type Refund, type RefundRequest } from "./domain/refund.ts";
import { retryDelayMs } from "./domain/refusal-backoff.ts";
import type { Finished } from "./domain/settle.ts";
import type { ProviderResult } from "./providers/provider.ts";
import type { AskFor } from "./providers/providers.ts";
import type { RefundStore, StandingRefund } from "./store-refunds.ts";
import type { RefusalStore } from "./store-refusals.ts";
import type { RepaymentKey } from "./store-repayments.ts";

/** What came of a refund. */
export type RefundOutcome = ({ kind: "refund" } & StandingRefund) | { kind: "refused"; refusal: Refusal };

/** Carries out refunds. Throws for failed I/O, after which the outcome is unknown. */
export type Refunds = {
  /** Begins a refund, or goes on with it, and asks the provider until its caller's deadline. */
  perform(request: RefundRequest, caller: Caller): Promise<RefundOutcome>;
  /** Asks the provider about the running refund of a payment, unless it refused a moment ago, or would. */
  finish(payment: Payment, deadlineAtMs: number): Promise<Finished>;
  /** Asks the provider for a repayment. Returns whether it is made. */
  repay(repayment: RepaymentKey, deadlineAtMs: number): Promise<boolean>;
};

/** What `createRefunds` needs. */
export type RefundsContext = {
  store: RefundStore;
  refused: Pick<RefusalStore, "noteRefund">;
  askProvider: AskFor;
  log: Logger;
};

type Declined = Extract<ProviderResult, { kind: "declined" }>;
type Asked = { standing: StandingRefund; isAnswered: boolean };

/** Returns the refunds. */
export function createRefunds({ store, refused, askProvider, log }: RefundsContext): Refunds {
  async function ask(standing: StandingRefund, deadlineAtMs: number): Promise<Asked> {
    const { payment, refund } = standing;
    const request = refundRequestOf(payment, refund);
    const result: ProviderResult = request
      ? await askProvider(payment, request, deadlineAtMs)
      : { kind: "done", ref: "" };
    switch (result.kind) {
      case "done":
        if (result.byHand) logByHand(standing, result.ref);
        return { standing: await store.finish(payment, refund, result.ref), isAnswered: true };
      case "declined":
        await noteRefusal(standing, result);
        return { standing, isAnswered: true };
      case "pending":
        return { standing: await notePending(standing, result.cause), isAnswered: true };
      // Only an authorisation is prepared, or waits for its customer.
      case "prepared":
      case "actionRequired":
      case "unknown":
        return { standing, isAnswered: false };
      default:
        return assertNever(result);
    }
  }

  // Money is not given up by a guess: asking again later, or a person, has to solve it.
  async function noteRefusal({ payment, refund }: StandingRefund, declined: Declined): Promise<void> {
    const { reason: why, detail: reason = why, isUnsure = false } = declined;
    const { eventId, paymentId, state } = payment;
    const { refundId, refusals } = refund;
    const retryMs = retryDelayMs(refusals + 1);
    const about = { paymentId, refundId, state: stateName(state), reason, refusals: refusals + 1, retryMs };
    log.error({ event: "payment.provider_refuses", ...about });
    await refused.noteRefund({ eventId, paymentId, refundId, refusals, reason, retryMs, isUnsure });
  }

  async function notePending({ payment, refund }: StandingRefund, cause: PendingCause): Promise<StandingRefund> {
    const { eventId, paymentId } = payment;
    const about = { eventId, paymentId, refundId: refund.refundId, cause, since: refund.pendingSince };
    // An account has to be filled by somebody; anything else ends by itself.
    log[cause === "insufficient_funds" ? "warn" : "info"]({ event: "payment.refund_pending", ...about });
    return await store.notePending(payment, refund, cause);
  }

  function logByHand({ payment, refund }: StandingRefund, ref: string): void {
    const { eventId, paymentId } = payment;
    log.warn({ event: "payment.refund_made_by_hand", eventId, paymentId, refundId: refund.refundId, ref });
  }

  return {
    async perform(request, caller) {
      const { decision, payment } = await store.begin(request);
      switch (decision.kind) {
        case "refuse":
          return { kind: "refused", refusal: decision.refusal };
        case "answer":
          return { kind: "refund", payment: payment!, refund: decision.refund };
        case "ask": {
          const { standing } = await ask({ payment: payment!, refund: decision.refund }, caller.deadlineAtMs);
          return { kind: "refund", ...standing };
        }
      }
    },
    async finish({ eventId, paymentId }, deadlineAtMs) {
      const { payment, refund } = await store.takeUp({ eventId, paymentId }, (refunds) =>
        // Whoever comes here about a refund that is pending has heard something of it, or its time has come.
        refunds.find((each) => !each.repays && isDue(each)),
      );
      // Whoever wrote its answer meanwhile moved the payment on as well.
      if (!refund) return { payment, isAnswered: true };
      const { standing, isAnswered } = await ask({ payment, refund }, deadlineAtMs);
      return { payment: standing.payment, isAnswered };
    },
    async repay(repayment, deadlineAtMs) {
      const { payment, refund } = await store.takeUp(repayment, (refunds) =>
        // One that was refused since it was taken up has a pause before it, in which what was made may come to light.
        refunds.find((each) => each.refundId === repayment.refundId && isDue(each)),
      );
      if (!refund) return false;
      const { standing } = await ask({ payment, refund }, deadlineAtMs);
      return standing.refund.finishedAt !== undefined;
    },
  };
}

function isDue(refund: Refund): boolean {
  return mayAsk(refund) && (refund.isRetryDue || refund.pendingSince !== undefined);
}
