import assert from "node:assert/strict";
import { createBatcher } from "./batcher.ts";

describe("a batcher says that a batch takes", () => {
  // Batches that a test ends in the order it likes, on a clock of its own.
  function setUp() {
    const clock = { nowMs: 1_000 };
    const ends = new Map<number, () => void>();
    const batcher = createBatcher<number, number>({
      ...{ itemsMax: 1, queueMax: 10, inFlightMax: 3 },
      now: () => clock.nowMs,
      run: async ([item = 0]) => {
        await new Promise<void>((resolve) => ends.set(item, resolve));
        return [item];
      },
    });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const start = (item: number) => batcher.submit(item, { deadlineAtMs: Infinity });
    const end = (item: number) => ends.get(item)!();
    async function run(takesMs: number) {
      const alone = start(0);
      await turn();
      clock.nowMs += takesMs;
      end(0);
      await alone;
      await turn();
    }
    return { batcher, clock, start, end, turn, run };
  }

  it("nothing, before the first", () => {
    assert.equal(setUp().batcher.batchMs, 0);
  });

  it("what the latest took on average, where the last one was slower", async () => {
    const { batcher, run } = setUp();
    for (const takesMs of [400, 400]) await run(takesMs);
    assert.equal(batcher.batchMs, 175);
  });

  it("what the last one took, where it was faster", async () => {
    const { batcher, run } = setUp();
    for (const takesMs of [400, 400, 50]) await run(takesMs);
    assert.equal(batcher.batchMs, 50);
  });

  it("as long as the oldest that runs has taken already, where that is more", async () => {
    const { batcher, clock, start, end, turn, run } = setUp();
    for (const takesMs of [400, 400]) await run(takesMs);
    const older = start(1);
    await turn();
    clock.nowMs += 100;
    assert.equal(batcher.batchMs, 175);
    clock.nowMs += 200;
    const younger = start(2);
    await turn();
    clock.nowMs += 600;
    assert.equal(batcher.batchMs, 900);
    end(1);
    await older;
    await turn();
    assert.equal(batcher.inFlight, 1);
    clock.nowMs += 100;
    assert.equal(batcher.batchMs, 700);
    end(2);
    await younger;
  });
});
