// Lanes: batchers side by side, each item in the lane of its word. Two batches that lock the same rows would only wait for
// each other; with every area in one lane, the batches of different lanes run at the same time.

import type { Batcher, Caller } from "#shared/batcher";

/** Returns one batcher of `count` lanes made by `create`; items with the same `wordOf` share a lane. */
export function createLanes<Item, Outcome>(options: {
  count: number;
  wordOf: (item: Item) => string;
  create: () => Batcher<Item, Outcome>;
}): Batcher<Item, Outcome> {
  const { count, wordOf, create } = options;
  const lanes = Array.from({ length: count }, create);
  const sum = (value: (lane: Batcher<Item, Outcome>) => number) => lanes.reduce((all, lane) => all + value(lane), 0);
  return {
    submit: (item: Item, caller: Caller) => lanes[hashOf(wordOf(item)) % count]!.submit(item, caller),
    get queued() {
      return sum((lane) => lane.queued);
    },
    get inFlight() {
      return sum((lane) => lane.inFlight);
    },
    close: async () => void (await Promise.all(lanes.map((lane) => lane.close()))),
  };
}

// FNV-1a, 32 bits. Source: RFC 9923.
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < word.length; index += 1) {
    hash = Math.imul(hash ^ word.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
