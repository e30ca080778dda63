import assert from "node:assert/strict";
import {
  asItStands,
  confirmHold,
  expireHold,
  extendHold,
  releaseHold,
  type Hold,
  type HoldDecision,
  type HoldState,
} from "./hold.ts";

const madeAt = Date.UTC(2030, 0, 1);
const ttlMs = 600_000;
const extensionMaxMs = 300_000;
const now = new Date(madeAt + 60_000);

const commands = {
  confirm: (hold: Hold) => confirmHold(hold, now),
  release: (hold: Hold) => releaseHold(hold, now, { confirmedToo: false }),
  refund: (hold: Hold) => releaseHold(hold, now, { confirmedToo: true }),
  extend: (hold: Hold) => extendHold(hold, now, { extendByMs: 300_000, holdTtlMs: ttlMs, extensionMaxMs }),
  expire: (hold: Hold) => expireHold(hold, now),
};

// Every state by every command: the state afterwards, or why not. `lapsed` is held beyond its end.
const table: Record<HoldState | "lapsed", Record<keyof typeof commands, string>> = {
  held: { confirm: "confirmed", release: "released", refund: "released", extend: "held", expire: "held" },
  lapsed: { confirm: "lapsed", release: "expired", refund: "expired", extend: "lapsed", expire: "expired" },
  confirmed: {
    confirm: "confirmed",
    release: "wrongState",
    refund: "refunded",
    extend: "confirmed",
    expire: "confirmed",
  },
  released: { confirm: "lapsed", release: "released", refund: "released", extend: "lapsed", expire: "released" },
  expired: { confirm: "lapsed", release: "expired", refund: "expired", extend: "lapsed", expire: "expired" },
  refunded: { confirm: "lapsed", release: "refunded", refund: "refunded", extend: "lapsed", expire: "refunded" },
};

describe("hold", () => {
  for (const [state, row] of Object.entries(table)) {
    for (const [command, expected] of Object.entries(row)) {
      it(`that is ${state} answers ${command} with ${expected}`, () => {
        const decision = commands[command as keyof typeof commands](holdOf(state));
        assert.equal(wordOf(decision), expected);
      });
    }
  }

  it("blocks its seats only when it is confirmed, given back, and that is wished for", () => {
    const blocks = (state: string, keepBlocked: boolean) => {
      const decision = releaseHold(holdOf(state), now, { confirmedToo: true, keepBlocked });
      return decision.kind === "hold" && (decision.blocksSeats ?? false);
    };
    assert.deepEqual([blocks("confirmed", true), blocks("confirmed", false)], [true, false]);
    for (const state of ["held", "lapsed", "released", "refunded"]) assert.equal(blocks(state, true), false);
  });

  it("reads as expired from its very end on", () => {
    const hold = holdOf("held");
    assert.equal(asItStands(hold, new Date(hold.expiresAt.getTime() - 1)).state, "held");
    assert.equal(asItStands(hold, hold.expiresAt).state, "expired");
  });

  it("is extended from now, never shortened, and never beyond its cap", () => {
    const endOf = (extendByMs: number, atMs: number) => {
      const hold = { ...holdOf("held"), expiresAt: new Date(madeAt + 24 * ttlMs) };
      const short = { ...hold, expiresAt: new Date(atMs + 1) };
      const decision = extendHold(short, new Date(atMs), { extendByMs, holdTtlMs: ttlMs, extensionMaxMs });
      return decision.kind === "hold" ? decision.hold.expiresAt.getTime() : undefined;
    };
    const capMs = madeAt + 2 * ttlMs + extensionMaxMs;
    assert.equal(endOf(300_000, madeAt + 10_000), madeAt + 310_000);
    assert.equal(endOf(300_000, capMs - 1_000), capMs);
    assert.equal(endOf(0, madeAt + 10_000), madeAt + 10_001);
  });
});

function holdOf(state: string): Hold {
  return {
    eventId: "event",
    holdId: "hold",
    areaId: "area",
    customerId: "customer",
    quantity: 1,
    seats: [0],
    selection: "best:1",
    state: state === "lapsed" ? "held" : (state as HoldState),
    createdAt: new Date(madeAt),
    expiresAt: new Date(state === "lapsed" ? now.getTime() : madeAt + ttlMs),
  };
}

function wordOf(decision: HoldDecision): string {
  return decision.kind === "hold" ? decision.hold.state : decision.kind;
}
