import assert from "node:assert/strict";
import fc from "fast-check";
import { checkoutsMax, EndReason, Phase, phaseNames, phasesOf, stateOf } from "./booking.ts";
import { CheckoutOutcome, decide, type Command, type Decision } from "./transition.ts";

const commands: Record<Command["kind"], Command> = {
  checkout: { kind: "checkout" },
  declined: { kind: "declined", reason: "card_declined" },
  seatsConfirmed: { kind: "seatsConfirmed" },
  seatsLost: { kind: "seatsLost", isPaid: false },
  captured: { kind: "captured" },
  captureRefused: { kind: "captureRefused" },
  undone: { kind: "undone" },
  voidRefused: { kind: "voidRefused", refundId: "refund" },
  cancel: { kind: "cancel" },
  released: { kind: "released" },
  expire: { kind: "expire" },
  refunded: { kind: "refunded" },
  partRefunded: { kind: "partRefunded" },
};

// Nothing is asked of the customer, and nothing has ended.
const quiet = { nextActionUrl: null, endReason: null };
const stay: Decision = { kind: "stay" };
const inProgress: Decision = { kind: "inProgress" };
const wrong = (state: "CONFIRMED" | "EXPIRED" | "CANCELLED" | "REFUNDING" | "REFUNDED"): Decision => ({
  kind: "wrongState",
  state,
});
const confirmed: Decision = {
  kind: "move",
  to: Phase.confirmed,
  outcome: CheckoutOutcome.confirmed,
  event: "reservation.confirmed",
};

// What is not listed stays as it is.
const table: Record<keyof typeof Phase, Partial<Record<Command["kind"], Decision>>> = {
  held: {
    checkout: { kind: "move", to: Phase.authorizing },
    cancel: { kind: "move", to: Phase.releasing, event: "reservation.cancelled" },
  },
  authorizing: {
    checkout: inProgress,
    cancel: inProgress,
    declined: {
      kind: "move",
      to: Phase.held,
      outcome: CheckoutOutcome.declined,
      declineReason: "card_declined",
    },
    seatsConfirmed: { kind: "move", to: Phase.capturing },
    seatsLost: { kind: "move", to: Phase.voiding, endReason: EndReason.holdLapsed },
  },
  capturing: {
    checkout: inProgress,
    cancel: inProgress,
    captured: confirmed,
    captureRefused: { kind: "move", to: Phase.voiding, endReason: EndReason.captureDeclined },
  },
  voiding: {
    checkout: inProgress,
    cancel: inProgress,
    undone: { kind: "move", to: Phase.expired, outcome: CheckoutOutcome.expired, event: "reservation.expired" },
    voidRefused: { kind: "move", to: Phase.refunding, outcome: CheckoutOutcome.expired, refundId: "refund" },
  },
  confirmed: {
    checkout: wrong("CONFIRMED"),
    cancel: { kind: "paid" },
  },
  partRefunding: {
    checkout: wrong("CONFIRMED"),
    cancel: { kind: "paid" },
    partRefunded: { kind: "move", to: Phase.confirmed, event: "reservation.partly_refunded" },
  },
  refunding: {
    checkout: wrong("REFUNDING"),
    refunded: { kind: "move", to: Phase.refunded, event: "reservation.refunded" },
  },
  refunded: { checkout: wrong("REFUNDED") },
  releasing: {
    checkout: wrong("CANCELLED"),
    released: { kind: "move", to: Phase.cancelled },
  },
  cancelled: { checkout: wrong("CANCELLED") },
  expired: { checkout: { kind: "holdExpired" }, cancel: wrong("EXPIRED") },
};

describe("the booking's state machine", () => {
  for (const [name, phase] of Object.entries(Phase)) {
    for (const command of Object.values(commands)) {
      const expected = table[name as keyof typeof Phase][command.kind] ?? stay;
      const words = expected.kind === "move" ? `moves to ${phaseNames[expected.to]}` : `answers ${expected.kind}`;
      it(`${name} + ${command.kind} ${words}`, () => {
        const booking = { ...quiet, phase, lapsed: false, unitPriceMinor: 100, checkoutCount: 1 };
        assert.deepEqual(decide(booking, command), expected);
      });
    }
  }

  it("ends a held booking only once its hold has lapsed", () => {
    const held = { ...quiet, phase: Phase.held, unitPriceMinor: 100, checkoutCount: 0 };
    assert.deepEqual(decide({ ...held, lapsed: false }, commands.expire), stay);
    assert.deepEqual(decide({ ...held, lapsed: true }, commands.expire), {
      kind: "move",
      to: Phase.expired,
      event: "reservation.expired",
    });
  });

  it("treats a lapsed hold as expired before it is swept", () => {
    const lapsed = { ...quiet, phase: Phase.held, lapsed: true, unitPriceMinor: 100, checkoutCount: 0 };
    assert.deepEqual(decide(lapsed, commands.checkout), { kind: "holdExpired" });
    assert.deepEqual(decide(lapsed, commands.cancel), wrong("EXPIRED"));
    assert.equal(stateOf(lapsed), "EXPIRED");
  });

  it("confirms what costs nothing as soon as its seats are sold", () => {
    const free = { ...quiet, phase: Phase.authorizing, lapsed: false, unitPriceMinor: 0, checkoutCount: 1 };
    assert.deepEqual(decide(free, commands.seatsConfirmed), confirmed);
  });

  it("lets the customer give up while the provider waits for them, and at no other time of a payment", () => {
    const paying = { ...quiet, lapsed: false, unitPriceMinor: 100, checkoutCount: 1 };
    const waiting = { ...paying, phase: Phase.authorizing, nextActionUrl: "https://bank" };
    assert.deepEqual(decide(waiting, commands.cancel), {
      ...{ kind: "move", to: Phase.voiding, endReason: EndReason.cancelled },
    });
    const givenUp = { ...paying, phase: Phase.voiding, endReason: EndReason.cancelled };
    assert.deepEqual(decide(givenUp, commands.cancel), stay);
    assert.deepEqual(decide(givenUp, commands.undone), {
      ...{ kind: "move", to: Phase.cancelled, outcome: CheckoutOutcome.expired, event: "reservation.cancelled" },
    });
    for (const endReason of [EndReason.holdLapsed, EndReason.captureDeclined, EndReason.paidTooLate]) {
      assert.deepEqual(decide({ ...givenUp, endReason }, commands.cancel), inProgress);
    }
  });

  it("remembers that a payment came too late", () => {
    const paying = { ...quiet, phase: Phase.authorizing, lapsed: false, unitPriceMinor: 100, checkoutCount: 1 };
    assert.deepEqual(decide(paying, { kind: "seatsLost", isPaid: true }), {
      ...{ kind: "move", to: Phase.voiding, endReason: EndReason.paidTooLate },
    });
  });

  it("ends an attempt as declined only where its capture was", () => {
    const voiding = { ...quiet, phase: Phase.voiding, lapsed: false, unitPriceMinor: 100, checkoutCount: 1 };
    const undone: Command = { kind: "undone", declineReason: "authorization_expired" };
    assert.deepEqual(decide({ ...voiding, endReason: EndReason.captureDeclined }, undone), {
      ...{ kind: "move", to: Phase.expired, event: "reservation.expired" },
      ...{ outcome: CheckoutOutcome.declined, declineReason: "authorization_expired" },
    });
    const lost = decide({ ...voiding, endReason: EndReason.holdLapsed }, undone);
    assert.equal(lost.kind === "move" && lost.outcome, CheckoutOutcome.expired);
  });

  it("takes no more attempts to pay than its maximum", () => {
    const tried = { ...quiet, phase: Phase.held, lapsed: false, unitPriceMinor: 100, checkoutCount: checkoutsMax };
    assert.deepEqual(decide(tried, commands.checkout), { kind: "tooManyCheckouts" });
  });

  it("never moves backwards, whatever it is told in whatever order, but for a decline", () => {
    const rank = { HELD: 0, PAYING: 1, CONFIRMED: 2, REFUNDING: 3, REFUNDED: 4, CANCELLED: 5, EXPIRED: 5 };
    const anyCommand = fc.constantFrom(...Object.values(commands));
    fc.assert(
      fc.property(fc.array(fc.tuple(anyCommand, fc.boolean()), { maxLength: 40 }), (history) => {
        let phase: Phase = Phase.held;
        let checkoutCount = 0;
        for (const [command, lapsed] of history) {
          const booking = {
            ...quiet,
            phase,
            lapsed: lapsed && phase === Phase.held,
            unitPriceMinor: 100,
            checkoutCount,
          };
          const decision = decide(booking, command);
          if (decision.kind !== "move") continue;
          if (decision.to === Phase.authorizing) checkoutCount += 1;
          const [from, to] = [stateOf({ phase, lapsed: false }), stateOf({ phase: decision.to, lapsed: false })];
          assert.ok(rank[to] >= rank[from] || (command.kind === "declined" && to === "HELD"), `${from} → ${to}`);
          phase = decision.to;
        }
        assert.ok(checkoutCount <= checkoutsMax);
      }),
    );
  });

  it("shows every phase as exactly one state", () => {
    const states = ["HELD", "PAYING", "CONFIRMED", "EXPIRED", "CANCELLED", "REFUNDING", "REFUNDED"] as const;
    assert.deepEqual(
      states.flatMap(phasesOf).sort((a, b) => a - b),
      Object.values(Phase).sort((a, b) => a - b),
    );
  });
});
