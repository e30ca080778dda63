import assert from "node:assert/strict";
import fc from "fast-check";
import { spreadLoss, type CoveredRefund } from "./coverage.ts";

const refund = (refundId: string, amountMinor: number, coveredMinor: number, isFinished: boolean): CoveredRefund => ({
  ...{ refundId, amountMinor, coveredMinor, isFinished },
});
const told = (refunds: CoveredRefund[], lostMinor: number) =>
  spreadLoss(refunds, lostMinor).map(({ refund: { refundId }, coveredMinor }) => `${refundId} ${coveredMinor}`);

describe("what is lost to a dispute", () => {
  it("pays refunds that are still to be made, the oldest first, each no more than it is", () => {
    const refunds = [refund("done", 10, 0, true), refund("a", 20, 0, false), refund("b", 30, 0, false)];
    assert.deepEqual(told(refunds, 25), ["a 20", "b 5"]);
    assert.deepEqual(told(refunds, 100), ["a 20", "b 30"]);
  });

  it("pays nothing twice", () => {
    assert.deepEqual(told([refund("done", 20, 20, true), refund("a", 20, 5, false)], 25), []);
  });

  it("and is won on appeal is owed again, the newest refund first", () => {
    const refunds = [refund("a", 20, 20, true), refund("b", 30, 10, true)];
    assert.deepEqual(told(refunds, 0), ["b 0", "a 0"]);
    assert.deepEqual(told(refunds, 15), ["b 0", "a 15"]);
  });

  it("is never more than what refunds count on in all, nor than each of them is", () => {
    const refunds = fc
      .array(fc.record({ amountMinor: fc.nat(100), share: fc.nat(100), isFinished: fc.boolean() }))
      .map((all) =>
        all.map(({ amountMinor, share, isFinished }, index) =>
          refund(String(index), amountMinor, Math.min(share, amountMinor), isFinished),
        ),
      );
    fc.assert(
      fc.property(refunds, fc.integer({ min: -100, max: 500 }), (before, lostMinor) => {
        const spendableMinor = Math.max(0, lostMinor);
        const changed = new Map(spreadLoss(before, lostMinor).map(({ refund: { refundId }, ...to }) => [refundId, to]));
        const after = before.map((each) => ({ ...each, ...changed.get(each.refundId) }));
        const sum = after.reduce((all, { coveredMinor }) => all + coveredMinor, 0);
        assert.ok(sum <= spendableMinor);
        assert.ok(after.every(({ amountMinor, coveredMinor }) => coveredMinor >= 0 && coveredMinor <= amountMinor));
        // What is left over is left because nobody is waiting for it.
        assert.ok(
          sum === spendableMinor || after.every((each) => each.isFinished || each.coveredMinor === each.amountMinor),
        );
        assert.deepEqual(spreadLoss(after, lostMinor), []);
      }),
    );
  });
});
