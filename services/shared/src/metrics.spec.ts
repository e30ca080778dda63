import assert from "node:assert/strict";
import { durationSecondsBuckets } from "./metrics.ts";

describe("the buckets of durations", () => {
  it("grow, up to the longest time that a call is given", () => {
    assert.deepEqual(
      durationSecondsBuckets,
      [...durationSecondsBuckets].sort((a, b) => a - b),
    );
    assert.equal(new Set(durationSecondsBuckets).size, durationSecondsBuckets.length);
    assert.equal(durationSecondsBuckets.at(-1), 30);
  });

  it("have every boundary that OpenTelemetry advises", () => {
    const advised = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
    for (const boundary of advised) assert.ok(durationSecondsBuckets.includes(boundary), String(boundary));
  });
});
