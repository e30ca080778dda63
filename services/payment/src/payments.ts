// How a command on a payment is carried out: its intent is committed, then the provider is asked, then the answer is
// written, if the payment is still where it was. No transaction is open while the provider is asked.

import { RefusalReason, type Refusal } from "#stubs";
import type { Batcher, Caller } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import { createRefusal } from "#shared/refusal";
import type { Bulkhead } from "./bulkhead.ts";
import { decide, openingWrite, type Command, type Write } from "./domain/decide.ts";
import type { Fee } from "./domain/fee.ts";
import { PaymentState, stateName, type Payment } from "./domain/payment.ts";
import type { RefundRequest } from "./domain/refund.ts";
import { providerRequestOf, settle, type Finished, type Settlement } from "./domain/settle.ts";
import type { AskFor } from "./providers/providers.ts";
import type { RefundOutcome, Refunds } from "./refunds.ts";
import type { Creation, Move } from "./store.ts";
import type { RefusalStore } from "./store-refusals.ts";

/** What came of a command. */
export type Outcome = { kind: "payment"; payment: Payment } | { kind: "refused"; refusal: Refusal };

/** Carries out commands. */
export type Payments = {
  /** Throws for failed I/O, after which the outcome is unknown, and what the batchers throw for work never started. */
  perform(command: Command, caller: Caller): Promise<Outcome>;
  /** Throws as `perform` does. */
  refund(request: RefundRequest, caller: Caller): Promise<RefundOutcome>;
  /** Asks the provider about a pending payment and writes its answer. */
  finish(payment: Payment, deadlineAtMs: number): Promise<Finished>;
};

/** What `createPayments` needs. */
export type PaymentsContext = {
  creations: Pick<Batcher<Creation, Payment | undefined>, "submit">;
  moves: Pick<Batcher<Move, Payment | undefined>, "submit">;
  refunds: Pick<Refunds, "perform" | "finish">;
  refused: Pick<RefusalStore, "noteVoid">;
  askProvider: AskFor;
  bulkhead: Bulkhead;
  log: Logger;
};

// States only move forward and there are ten, so a command that loses every race has settled by then.
const writesMax = 10;

/** Returns the payments. */
export function createPayments(context: PaymentsContext): Payments {
  const { creations, moves, refunds, refused, askProvider, bulkhead, log } = context;

  function write(step: Write, caller: Caller): Promise<Payment | undefined> {
    switch (step.kind) {
      case "create":
        return creations.submit(
          { ...step.key, order: step.order, paymentMethodToken: step.paymentMethodToken },
          caller,
        );
      case "bury":
        return creations.submit({ ...step.key, order: undefined, paymentMethodToken: undefined }, caller);
      case "move":
        return moves.submit(moveOf(step), caller);
    }
  }

  async function carryOut(command: Command, caller: Caller): Promise<Outcome> {
    let step = openingWrite(command);
    for (let writes = 1; writes <= writesMax; writes += 1) {
      const decision = decide(await write(step, caller), command);
      switch (decision.kind) {
        case "answer":
          return { kind: "payment", payment: decision.payment };
        case "ask":
          return { kind: "payment", payment: (await finish(decision.payment, caller.deadlineAtMs)).payment };
        case "refuse":
          return { kind: "refused", refusal: decision.refusal };
        default:
          step = decision;
      }
    }
    throw new Error(`payment ${command.paymentId} did not settle within ${writesMax} writes`);
  }

  async function finish(payment: Payment, deadlineAtMs: number): Promise<Finished> {
    if (payment.state === PaymentState.REFUNDING) return await refunds.finish(payment, deadlineAtMs);
    const result = await askProvider(payment, providerRequestOf(payment), deadlineAtMs);
    const isAnswered = result.kind !== "unknown";
    const settlement = settle(payment, result);
    if (!settlement) return { payment, isAnswered };
    if (settlement.kind === "refused") {
      await noteRefusal(settlement);
      return { payment, isAnswered };
    }
    // The answer is written even when its caller has gone: it is known now, and whoever asks next finds it.
    const after = await moves.submit(moveOf(settlement), { deadlineAtMs: Infinity });
    if (!after) throw new Error(`payment ${payment.paymentId} is gone`);
    // Who wrote first decides what is gone on with; a void that came in between ends it.
    const goesOn = result.kind === "prepared" && after.state === PaymentState.AUTHORIZING;
    return goesOn ? await finish(after, deadlineAtMs) : { payment: after, isAnswered };
  }

  async function noteRefusal({ payment, reason, retryMs }: Settlement & { kind: "refused" }): Promise<void> {
    const { eventId, paymentId, state, refusals } = payment;
    const about = { paymentId, state: stateName(state), reason, refusals: refusals + 1, retryMs };
    log.error({ event: "payment.provider_refuses", ...about });
    await refused.noteVoid({ eventId, paymentId, refusals, reason, retryMs });
  }

  async function inTurn<T>(caller: Caller, work: () => Promise<T>): Promise<T | { kind: "refused"; refusal: Refusal }> {
    const leave = await bulkhead.enter(caller.deadlineAtMs);
    if (!leave) return { kind: "refused", refusal: overloaded() };
    try {
      return await work();
    } finally {
      leave();
    }
  }

  return {
    perform: (command, caller) => inTurn(caller, () => carryOut(command, caller)),
    refund: (request, caller) => inTurn(caller, () => refunds.perform(request, caller)),
    finish,
  };
}

type AnyMove = Pick<Move, "from" | "to"> & {
  key: { eventId: string; paymentId: string };
  ref?: string;
  actionUrl?: string;
  declineReason?: string;
  fee?: Fee;
};

function moveOf({ key, from, to, ref, actionUrl, declineReason, fee }: AnyMove): Move {
  return { eventId: key.eventId, paymentId: key.paymentId, from, to, ref, actionUrl, declineReason, fee };
}

function overloaded(): Refusal {
  return createRefusal(RefusalReason.OVERLOADED, "too many payments are under way", { retryAfterMs: 1_000 });
}
