import assert from "node:assert/strict";
import { createLifecycle } from "./lifecycle.ts";
import { createLogger } from "./logger.ts";

const log = createLogger({ service: "test", level: "silent" });

describe("lifecycle", () => {
  it("stops in the order of registration, once, however often it is asked", async () => {
    const lifecycle = createLifecycle(log);
    const done: string[] = [];
    lifecycle.onStop("first", 1_000, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push("first");
    });
    lifecycle.onStop("second", 1_000, () => void done.push("second"));
    assert.equal(lifecycle.stopping, false);
    await Promise.all([lifecycle.stop("test"), lifecycle.stop("again")]);
    assert.equal(lifecycle.stopping, true);
    assert.deepEqual(done, ["first", "second"]);
  });

  it("goes on past a step that throws or hangs", async () => {
    const lifecycle = createLifecycle(log);
    const done: string[] = [];
    lifecycle.onStop("throws", 1_000, () => {
      throw new Error("broken");
    });
    lifecycle.onStop("hangs", 10, () => new Promise(() => {}));
    lifecycle.onStop("last", 1_000, () => void done.push("last"));
    await lifecycle.stop("test");
    assert.deepEqual(done, ["last"]);
  });
});
