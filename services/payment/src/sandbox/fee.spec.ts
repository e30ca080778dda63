import assert from "node:assert/strict";
import { feeOf } from "./fee.ts";

describe("the sandbox's fee", () => {
  it("is a share, rounded, and a fixed amount; of nothing it is nothing", () => {
    const rate = { basisPoints: 150, fixedMinor: 25 };
    assert.deepEqual(
      [0, 1, 2_500, 7_500, 10_000].map((amount) => feeOf(amount, rate)),
      [0, 25, 63, 138, 175],
    );
  });
});
