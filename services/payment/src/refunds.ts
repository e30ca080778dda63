// How a refund is carried out: written down, asked of the provider with no transaction open, posted with the answer.

import type { Refusal } from "#stubs";
import type { Caller } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import type { AskProvider } from "./ask-provider.ts";
import { stateName, type Payment } from "./domain/payment.ts";
import { refundRequestOf, type RefundRequest } from "./domain/refund.ts";
import type { RefundStore, StandingRefund } from "./store-refunds.ts";

/** What came of a refund. */
export type RefundOutcome = ({ kind: "refund" } & StandingRefund) | { kind: "refused"; refusal: Refusal };

/** Carries out refunds. Throws for failed I/O, after which the outcome is unknown. */
export type Refunds = {
  /** Begins a refund, or goes on with it, and asks the provider until its caller's deadline. */
  perform(request: RefundRequest, caller: Caller): Promise<RefundOutcome>;
  /** Asks the provider about the running refund of a payment. Returns the payment as it then stands. */
  finish(payment: Payment, deadlineAtMs: number): Promise<Payment>;
};

/** Returns the refunds. */
export function createRefunds(deps: { store: RefundStore; askProvider: AskProvider; log: Logger }): Refunds {
  const { store, askProvider, log } = deps;

  async function ask({ payment, refund }: StandingRefund, deadlineAtMs: number): Promise<StandingRefund> {
    const request = refundRequestOf(payment, refund);
    const result = request ? await askProvider(request, deadlineAtMs) : { kind: "done" as const, ref: "" };
    switch (result.kind) {
      case "done":
        return await store.finish(payment, refund, result.ref);
      case "declined": {
        // Money is not given up by a guess: asking again and an alarm have to solve it.
        const { paymentId, state } = payment;
        log.error({ event: "payment.provider_refuses", paymentId, state: stateName(state), reason: result.reason });
        return { payment, refund };
      }
      case "unknown":
        return { payment, refund };
    }
  }

  return {
    async perform(request, caller) {
      const { decision, payment } = await store.begin(request);
      switch (decision.kind) {
        case "refuse":
          return { kind: "refused", refusal: decision.refusal };
        case "answer":
          return { kind: "refund", payment: payment!, refund: decision.refund };
        case "ask":
          return {
            kind: "refund",
            ...(await ask({ payment: payment!, refund: decision.refund }, caller.deadlineAtMs)),
          };
      }
    },
    async finish(payment, deadlineAtMs) {
      const refund = await store.readRunning(payment);
      // Whoever wrote its answer meanwhile moved the payment on as well.
      return refund ? (await ask({ payment, refund }, deadlineAtMs)).payment : await store.read(payment);
    },
  };
}
