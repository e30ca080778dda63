import assert from "node:assert/strict";
import { backoffMs } from "./backoff.ts";

describe("backoff", () => {
  it("doubles from 200 ms to 15 s", () => {
    assert.deepEqual(
      [0, 1, 2, 6, 7, 1000].map((attempts) => backoffMs(attempts, 0)),
      [200, 400, 800, 12_800, 15_000, 15_000],
    );
  });

  it("takes off up to half at random", () => {
    assert.equal(backoffMs(1, 0.5), 300);
    assert.equal(backoffMs(1, 0.999), 200);
  });
});
