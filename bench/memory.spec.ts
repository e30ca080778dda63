import assert from "node:assert/strict";
import { floorsOf, growthOf, type MemorySample } from "./memory.ts";

function samplesOf(heaps: number[]): MemorySample[] {
  return heaps.map((mb, seconds) => ({ seconds, residentMb: {}, heapMb: { gateway: mb } }));
}

describe("memory", () => {
  it("that fills up early and then stays has not grown", () => {
    const points = Array.from({ length: 40 }, (_, second): [number, number] => [
      second,
      Math.min(100, 50 + 5 * second),
    ]);
    assert.equal(growthOf(points)!.percent, 0);
  });

  it("that grows steadily has grown by what it gained in the last half", () => {
    const points = Array.from({ length: 101 }, (_, second): [number, number] => [second, 100 + second]);
    const { startMb, endMb, percent, percentLow, percentHigh } = growthOf(points)!;
    assert.deepEqual([startMb, endMb], [150, 200]);
    for (const each of [percent, percentLow, percentHigh]) assert.ok(Math.abs(each - 100 / 3) < 1e-6);
  });

  it("of too few samples says nothing", () => {
    assert.equal(growthOf([[0, 1], [1, 2], [2, 3]]), undefined); // prettier-ignore
    assert.equal(growthOf([]), undefined);
  });

  it("of a heap is what garbage collection leaves", () => {
    const sawtooth = [10, 20, 30, 11, 21, 31, 12, 22, 32, 13];
    const floors = floorsOf(samplesOf(sawtooth), ({ heapMb }) => heapMb["gateway"], 3);
    assert.deepEqual(floors, [[0, 10], [3, 11], [6, 12]]); // prettier-ignore
    assert.deepEqual(
      floorsOf(samplesOf(sawtooth), ({ heapMb }) => heapMb["redis"], 3),
      [],
    );
  });
});
