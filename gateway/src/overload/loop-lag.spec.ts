import assert from "node:assert/strict";
import { createLoopLag } from "./loop-lag.ts";

describe("the lag of the loop", () => {
  it("is what a tick comes late, and fades while ticks come in time", () => {
    const lag = createLoopLag({ intervalMs: 100, maxMs: 1_000, nowMs: 0 });
    lag.tick(100);
    assert.equal(lag.lagMs, 0);
    lag.tick(700);
    assert.equal(lag.lagMs, 500);
    lag.tick(800);
    assert.equal(lag.lagMs, 400);
    for (let nowMs = 900; nowMs < 3_000; nowMs += 100) lag.tick(nowMs);
    assert.ok(lag.lagMs < 10, `${lag.lagMs}`);
  });

  it("is never negative, and never more than its maximum", () => {
    const lag = createLoopLag({ intervalMs: 100, maxMs: 1_000, nowMs: 0 });
    lag.tick(50);
    assert.equal(lag.lagMs, 0);
    lag.tick(60_000);
    assert.equal(lag.lagMs, 1_000);
  });
});
