import assert from "node:assert/strict";
import type { Run } from "./bench.ts";
import { bestBy, boundText, countedOf, cpuText, middleOf, valuesOf } from "./runs.ts";

function runOf(heldPerSecond: number, wrong: string[] = []): Run {
  const cpuUsPerHeld = { gateway: 40, postgres: 60, redis: 0, generator: 20 };
  return { heldPerSecond, wrong, cpuUsPerHeld, coresBusy: { all: 1.95, others: 0.1 } } as unknown as Run;
}

const rate = (run: Run) => run.heldPerSecond;

describe("what runs say", () => {
  it("leaves void ones out", () => {
    const runs = [runOf(1), runOf(100, ["void"]), runOf(3)];
    assert.deepEqual(valuesOf(runs, rate), [1, undefined, 3]);
    assert.deepEqual(countedOf(runs, rate), [1, 3]);
    assert.equal(middleOf(runs, rate), 2);
    assert.ok(Number.isNaN(middleOf([runOf(1, ["void"])], rate)));
  });

  it("finds the best, never one that is void", () => {
    const all = [[runOf(5, ["void"])], [runOf(2)], [runOf(3)]];
    assert.equal(
      bestBy(all, (runs) => middleOf(runs, rate)),
      all[2],
    );
  });

  it("tells where processor time went, the most first", () => {
    assert.equal(cpuText([runOf(1)]), "postgres 60, gateway 40, generator 20");
  });

  it("tells what bounds them", () => {
    assert.match(boundText([runOf(1)], 2), /bounded by the processor; 100 µs a success/);
    assert.match(boundText([runOf(1)], 4), /bounded by waiting/);
  });
});
