import assert from "node:assert/strict";
import fc from "fast-check";
import { DisputeStatus, postingsOf, type MovedMoney } from "./dispute.ts";

type Told = { status: DisputeStatus; amountMinor: number };
const nothing: MovedMoney = { takenMinor: 0, returnedMinor: 0 };
const told = (status: keyof typeof DisputeStatus, amountMinor: number, moved = nothing) =>
  postingsOf({ status: DisputeStatus[status], amountMinor }, moved).map((each) => `${each.kind} ${each.amountMinor}`);

describe("what a dispute moves", () => {
  it("is nothing while the bank only asks, then all of it, once", () => {
    assert.deepEqual(told("inquiry", 100), []);
    assert.deepEqual(told("open", 100), ["chargeback 100"]);
    assert.deepEqual(told("lost", 100, { takenMinor: 100, returnedMinor: 0 }), []);
  });

  it("comes back when it is won, after a loss too, and left before that although nobody told", () => {
    assert.deepEqual(told("won", 100, { takenMinor: 100, returnedMinor: 0 }), ["chargeback_reversal 100"]);
    assert.deepEqual(told("won", 100), ["chargeback 100", "chargeback_reversal 100"]);
    assert.deepEqual(told("won", 100, { takenMinor: 100, returnedMinor: 100 }), []);
  });

  it("is the difference where its amount has changed", () => {
    assert.deepEqual(told("open", 130, { takenMinor: 100, returnedMinor: 0 }), ["chargeback 30"]);
    assert.deepEqual(told("lost", 60, { takenMinor: 130, returnedMinor: 0 }), ["chargeback_reversal 70"]);
  });

  it("is in the end what was told last, whatever was told before", () => {
    const tell = fc.record<Told>({
      status: fc.constantFrom(DisputeStatus.open, DisputeStatus.won, DisputeStatus.lost),
      amountMinor: fc.integer({ min: 1, max: 1_000 }),
    });
    fc.assert(
      fc.property(fc.array(tell, { minLength: 1 }), (tellings) => {
        const moved = { ...nothing };
        for (const telling of tellings) {
          for (const { kind, amountMinor } of postingsOf(telling, { ...moved })) {
            moved[kind === "chargeback" ? "takenMinor" : "returnedMinor"] += amountMinor;
          }
        }
        const { status, amountMinor } = tellings.at(-1)!;
        assert.equal(moved.takenMinor - moved.returnedMinor, status === DisputeStatus.won ? 0 : amountMinor);
      }),
    );
  });
});
