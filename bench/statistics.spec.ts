import assert from "node:assert/strict";
import * as fc from "fast-check";
import { medianOf, spreadOf, trendOf } from "./statistics.ts";

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 });

describe("statistics", () => {
  it("finds the median of odd and even counts", () => {
    assert.equal(medianOf([9, 1, 5]), 5);
    assert.equal(medianOf([9, 1, 5, 3]), 4);
    assert.throws(() => medianOf([]), RangeError);
  });

  it("keeps the median inside the range, with half of the values on either side", () => {
    fc.assert(
      fc.property(values, (all) => {
        const { median, low, high } = spreadOf(all)!;
        assert.ok(low <= median && median <= high);
        assert.ok(all.filter((value) => value <= median).length * 2 >= all.length);
        assert.ok(all.filter((value) => value >= median).length * 2 >= all.length);
      }),
    );
  });

  it("has no spread of nothing", () => assert.equal(spreadOf([]), undefined));

  it("finds the slope of a line, with an interval of no width", () => {
    const line = [0, 1, 2, 3, 4].map((x): [number, number] => [x, 7 + 3 * x]);
    const { slope, slopeLow, slopeHigh } = trendOf(line)!;
    for (const each of [slope, slopeLow, slopeHigh]) assert.ok(Math.abs(each - 3) < 1e-9);
  });

  it("doubts the slope of noise: its interval holds zero", () => {
    const noise = [5, 3, 6, 4, 5, 3, 6, 4].map((y, x): [number, number] => [x, y]);
    const { slopeLow, slopeHigh } = trendOf(noise)!;
    assert.ok(slopeLow < 0 && slopeHigh > 0);
  });

  it("draws no line through two points, or through one place", () => {
    assert.equal(trendOf([[0, 1], [1, 2]]), undefined); // prettier-ignore
    assert.equal(trendOf([[1, 1], [1, 2], [1, 3]]), undefined); // prettier-ignore
  });
});
