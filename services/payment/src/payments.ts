// How a command on a payment is carried out: its intent is committed, then the provider is asked, then the answer is
// written, if the payment is still where it was. No transaction is open while the provider is asked.

import { RefusalReason, type Refusal } from "#stubs";
import type { Batcher, Caller } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import { createRefusal } from "#shared/refusal";
import type { Bulkhead } from "./bulkhead.ts";
import { decide, openingWrite, type Command, type Write } from "./domain/decide.ts";
import { stateName, type Payment } from "./domain/payment.ts";
import { settle, type Settlement } from "./domain/settle.ts";
import type { ProviderResult } from "./providers/provider.ts";
import type { Creation, Move } from "./store.ts";
import type { RefusalStore } from "./store-refusals.ts";

/** What came of a command. */
export type Outcome = { kind: "payment"; payment: Payment } | { kind: "refused"; refusal: Refusal };

/** Carries out commands. */
export type Payments = {
  /** Throws for failed I/O, after which the outcome is unknown, and what the batchers throw for work never started. */
  perform(command: Command, caller: Caller): Promise<Outcome>;
  /** Asks the provider about a pending payment and writes its answer. */
  finish(payment: Payment, deadlineAtMs: number): Promise<Finished>;
};

/** A payment as it stands after its provider was asked, and whether the provider gave an answer. */
export type Finished = { payment: Payment; isAnswered: boolean };

/** What `createPayments` needs. */
export type PaymentsContext = {
  creations: Pick<Batcher<Creation, Payment | undefined>, "submit">;
  moves: Pick<Batcher<Move, Payment | undefined>, "submit">;
  refused: Pick<RefusalStore, "note">;
  /** Asks the payment's own provider for what its state wants. */
  askProvider(payment: Payment, deadlineAtMs: number): Promise<ProviderResult>;
  bulkhead: Bulkhead;
  log: Logger;
};

// States only move forward and there are ten, so a command that loses every race has settled by then.
const writesMax = 10;

/** Returns the payments. */
export function createPayments({ creations, moves, refused, askProvider, bulkhead, log }: PaymentsContext): Payments {
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
    const result = await askProvider(payment, deadlineAtMs);
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
    return { payment: after, isAnswered };
  }

  async function noteRefusal({ payment, reason, retryMs }: Settlement & { kind: "refused" }): Promise<void> {
    const { eventId, paymentId, state, refusals } = payment;
    const about = { paymentId, state: stateName(state), reason, refusals: refusals + 1, retryMs };
    log.error({ event: "payment.provider_refuses", ...about });
    await refused.note({ eventId, paymentId, state, refusals, reason, retryMs });
  }

  return {
    async perform(command, caller) {
      const leave = await bulkhead.enter(caller.deadlineAtMs);
      if (!leave) return { kind: "refused", refusal: overloaded() };
      try {
        return await carryOut(command, caller);
      } finally {
        leave();
      }
    },
    finish,
  };
}

type AnyMove = Pick<Move, "from" | "to"> & {
  key: { eventId: string; paymentId: string };
  ref?: string;
  actionUrl?: string;
  declineReason?: string;
  refundId?: string;
};

function moveOf({ key, from, to, ref, actionUrl, declineReason, refundId }: AnyMove): Move {
  return { eventId: key.eventId, paymentId: key.paymentId, from, to, ref, actionUrl, declineReason, refundId };
}

function overloaded(): Refusal {
  return createRefusal(RefusalReason.OVERLOADED, "too many payments are under way", { retryAfterMs: 1_000 });
}
