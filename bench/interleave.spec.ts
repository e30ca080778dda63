import assert from "node:assert/strict";
import { interleave, ratiosOf } from "./interleave.ts";

describe("rounds", () => {
  it("go forwards, then backwards, one at a time", async () => {
    const order: string[] = [];
    let running = 0;
    const results = await interleave(["a", "b", "c"], 3, async (variant, round) => {
      assert.equal((running += 1), 1);
      await Promise.resolve();
      running -= 1;
      order.push(variant);
      return `${variant}${round}`;
    });
    assert.equal(order.join(""), "abccbaabc");
    assert.deepEqual(results[1], ["b0", "b1", "b2"]);
  });

  it("give a ratio each, without those that lack a side", () => {
    assert.deepEqual(ratiosOf([10, undefined, 30, 40], [5, 5, undefined, 0]), [2]);
  });
});
