// How a refund is carried out: written down, asked of the provider with no transaction open, posted with the answer.

import type { Refusal } from "#stubs";
import type { Caller } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import type { DeclineReason } from "./domain/decline-reason.ts";
import { stateName, type Payment } from "./domain/payment.ts";
import { refundRequestOf, type RefundRequest } from "./domain/refund.ts";
import { retryDelayMs } from "./domain/refusal-backoff.ts";
import type { Finished } from "./domain/settle.ts";
import type { AskFor } from "./providers/providers.ts";
import type { RefundStore, StandingRefund } from "./store-refunds.ts";
import type { RefusalStore } from "./store-refusals.ts";

/** What came of a refund. */
export type RefundOutcome = ({ kind: "refund" } & StandingRefund) | { kind: "refused"; refusal: Refusal };

/** Carries out refunds. Throws for failed I/O, after which the outcome is unknown. */
export type Refunds = {
  /** Begins a refund, or goes on with it, and asks the provider until its caller's deadline. */
  perform(request: RefundRequest, caller: Caller): Promise<RefundOutcome>;
  /** Asks the provider about the running refund of a payment, unless it refused a moment ago, or would. */
  finish(payment: Payment, deadlineAtMs: number): Promise<Finished>;
  /** Asks the provider for a repayment. Returns whether it is made. */
  repay(repayment: StandingRefund, deadlineAtMs: number): Promise<boolean>;
};

/** What `createRefunds` needs. */
export type RefundsContext = {
  store: RefundStore;
  refused: Pick<RefusalStore, "noteRefund">;
  askProvider: AskFor;
  log: Logger;
};

type Asked = { standing: StandingRefund; isAnswered: boolean };

/** Returns the refunds. */
export function createRefunds({ store, refused, askProvider, log }: RefundsContext): Refunds {
  async function ask(standing: StandingRefund, deadlineAtMs: number): Promise<Asked> {
    const { payment, refund } = standing;
    const request = refundRequestOf(payment, refund);
    const result = request ? await askProvider(payment, request, deadlineAtMs) : { kind: "done" as const, ref: "" };
    switch (result.kind) {
      case "done":
        return { standing: await store.finish(payment, refund, result.ref), isAnswered: true };
      case "declined":
        await noteRefusal(standing, result.reason);
        return { standing, isAnswered: true };
      // Only an authorisation waits for its customer.
      case "actionRequired":
      case "unknown":
        return { standing, isAnswered: false };
    }
  }

  // Money is not given up by a guess: asking again later, or a person, has to solve it.
  async function noteRefusal({ payment, refund }: StandingRefund, reason: DeclineReason): Promise<void> {
    const { eventId, paymentId, state } = payment;
    const { refundId, refusals } = refund;
    const retryMs = retryDelayMs(refusals + 1);
    const about = { paymentId, refundId, state: stateName(state), reason, refusals: refusals + 1, retryMs };
    log.error({ event: "payment.provider_refuses", ...about });
    await refused.noteRefund({ eventId, paymentId, refundId, refusals, reason, retryMs });
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
    async finish(payment, deadlineAtMs) {
      const refund = await store.readRunning(payment);
      // Whoever wrote its answer meanwhile moved the payment on as well.
      if (!refund) return { payment: await store.read(payment), isAnswered: true };
      if (!refund.isRetryDue) return { payment, isAnswered: true };
      const { standing, isAnswered } = await ask({ payment, refund }, deadlineAtMs);
      return { payment: standing.payment, isAnswered };
    },
    async repay(repayment, deadlineAtMs) {
      const { standing } = await ask(repayment, deadlineAtMs);
      return standing.refund.finishedAt !== undefined;
    },
  };
}
