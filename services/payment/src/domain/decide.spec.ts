import assert from "node:assert/strict";
import * as fc from "fast-check";
import { RefusalReason } from "#stubs";
import { decide, openingWrite, type Command, type Decision } from "./decide.ts";
import { PaymentState, stateName, type Order, type Payment } from "./payment.ts";
import { settle } from "./settle.ts";

const key = { eventId: "e", paymentId: "p" };
const order: Order = {
  reservationId: "r",
  customerId: "c",
  areaId: "a",
  amountMinor: 1,
  currencyCode: "EUR",
  requestHash: "h",
  provider: "sandbox",
};
const commands = {
  authorize: { ...key, kind: "authorize", order, paymentMethodToken: "t" },
  capture: { ...key, kind: "capture" },
  void: { ...key, kind: "void" },
} satisfies Record<string, Command>;
const states = Object.values(PaymentState).filter((state) => typeof state === "number" && state > 0) as PaymentState[];

// What each command does in each state; `→ X` writes X.
const table: Record<string, Record<keyof typeof commands, string>> = {
  none: { authorize: "create", capture: "NOT_FOUND", void: "bury" },
  AUTHORIZING: { authorize: "ask", capture: "WRONG_STATE", void: "→ VOIDING" },
  ACTION_REQUIRED: { authorize: "ask", capture: "WRONG_STATE", void: "→ VOIDING" },
  AUTHORIZED: { authorize: "answer", capture: "→ CAPTURING", void: "→ VOIDING" },
  DECLINED: { authorize: "answer", capture: "answer", void: "answer" },
  CAPTURING: { authorize: "answer", capture: "ask", void: "WRONG_STATE" },
  CAPTURED: { authorize: "answer", capture: "answer", void: "WRONG_STATE" },
  VOIDING: { authorize: "answer", capture: "WRONG_STATE", void: "ask" },
  VOIDED: { authorize: "answer", capture: "WRONG_STATE", void: "answer" },
  REFUNDING: { authorize: "answer", capture: "answer", void: "WRONG_STATE" },
  REFUNDED: { authorize: "answer", capture: "answer", void: "WRONG_STATE" },
};

describe("decide", () => {
  for (const [state, row] of Object.entries(table)) {
    for (const [name, expected] of Object.entries(row)) {
      it(`${name} of ${state === "none" ? "no payment" : state}: ${expected}`, () => {
        assert.equal(told(decide(paymentIn(state), commands[name as keyof typeof commands])), expected);
      });
    }
  }

  it("covers every state", () => {
    assert.deepEqual(Object.keys(table).slice(1).toSorted(), states.map(stateName).toSorted());
  });

  it("refuses another request under a known key in every state, but not under a tombstone", () => {
    const other: Command = { ...commands.authorize, order: { ...order, requestHash: "other" } };
    for (const state of states) {
      assert.equal(told(decide(paymentIn(stateName(state)), other)), "IDEMPOTENCY_KEY_REUSED");
    }
    assert.equal(told(decide({ ...paymentIn("VOIDED")!, order: undefined }, other)), "answer");
  });

  it("leaves a provider alone for a while after it refused for good", () => {
    const refused = { ...paymentIn("VOIDING")!, refusals: 1 };
    assert.equal(told(decide(refused, commands.void)), "ask");
    assert.equal(told(decide({ ...refused, isRetryDue: false }, commands.void)), "answer");
  });

  it("opens with a write that it would also choose for the state it hopes for", () => {
    const hopes = { authorize: "none", capture: "AUTHORIZED", void: "AUTHORIZED" };
    for (const command of Object.values(commands)) {
      assert.deepEqual(openingWrite(command), decide(paymentIn(hopes[command.kind]), command));
    }
  });

  it("never moves backwards, whatever is commanded and whatever the provider answers", () => {
    const rank: Record<string, number> = Object.fromEntries(
      [
        "AUTHORIZING",
        "ACTION_REQUIRED",
        "AUTHORIZED",
        "CAPTURING",
        "CAPTURED",
        "VOIDING",
        "VOIDED",
        "REFUNDING",
        "REFUNDED",
        "DECLINED",
      ].map((name, index) => [name, index]),
    );
    const result = fc.oneof(
      fc.constant({ kind: "done" as const, ref: "x" }),
      fc.constant({ kind: "declined" as const, reason: "other" as const }),
      fc.constant({ kind: "actionRequired" as const, ref: "x", url: "https://bank" }),
      fc.constant({ kind: "prepared" as const, ref: "x" }),
      fc.constant({ kind: "pending" as const, cause: "other" as const }),
      fc.constant({ kind: "unknown" as const, cause: "timeout" }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...Object.values(commands)), result), { maxLength: 20 }),
        (steps) => {
          let payment: Payment | undefined;
          for (const [command, answer] of steps) {
            const before = payment;
            for (let decision = decide(payment, command); ; decision = decide(payment, command)) {
              if (decision.kind === "create") payment = paymentIn("AUTHORIZING");
              else if (decision.kind === "bury") payment = { ...paymentIn("VOIDED")!, order: undefined };
              else if (decision.kind === "move") payment = { ...payment!, state: decision.to };
              else {
                const settlement = decision.kind === "ask" ? settle(payment!, answer) : undefined;
                if (settlement?.kind === "move") payment = { ...payment!, state: settlement.to };
                break;
              }
            }
            if (before && payment) assert.ok(rank[stateName(payment.state)]! >= rank[stateName(before.state)]!);
          }
        },
      ),
    );
  });
});

function paymentIn(state: string): Payment | undefined {
  if (state === "none") return undefined;
  return {
    ...key,
    state: PaymentState[state as keyof typeof PaymentState],
    order,
    paymentMethodToken: undefined,
    authorizationRef: undefined,
    actionUrl: undefined,
    captureRef: undefined,
    declineReason: undefined,
    ...{ refundedMinor: 0, returnedMinor: 0, refundPendingSince: undefined, refusals: 0, isRetryDue: true },
    createdAt: new Date(0),
  };
}

function told(decision: Decision): string {
  if (decision.kind === "refuse") return RefusalReason[decision.refusal.reason];
  return decision.kind === "move" ? `→ ${stateName(decision.to)}` : decision.kind;
}
