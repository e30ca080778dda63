import assert from "node:assert/strict";
import { createBatcher } from "#shared/batcher";
import { createLanes } from "./lanes.ts";

const patient = { deadlineAtMs: Infinity };

describe("lanes", () => {
  it("keep items with the same word in one lane, and spread words over all of them", async () => {
    const batches: string[][] = [];
    const lanes = createLanes<string, string>({
      count: 2,
      wordOf: (item) => item,
      create: () =>
        createBatcher({
          itemsMax: 100,
          queueMax: 100,
          inFlightMax: 1,
          run: async (items) => {
            batches.push(items);
            return items;
          },
        }),
    });
    const words = Array.from({ length: 80 }, (_, index) => `area-${index % 20}`);
    const answers = Promise.all(words.map((word) => lanes.submit(word, patient)));
    assert.equal(lanes.queued, 80);
    assert.deepEqual(await answers, words);
    assert.equal(batches.length, 2);
    const [first, second] = batches.map((batch) => new Set(batch));
    assert.equal(first!.size + second!.size, 20);
    assert.ok(first!.size > 4 && second!.size > 4);
    await lanes.close();
    assert.deepEqual([lanes.queued, lanes.inFlight], [0, 0]);
  });
});
