import assert from "node:assert/strict";
import { goalOf, goals, verdictOf } from "./goals.ts";

describe("goals", () => {
  it("aim beyond what they must reach", () => {
    for (const { id, better, must, aim } of goals) assert.ok(better === "higher" ? aim >= must : aim <= must, id);
  });

  it("are reached from their own side", () => {
    const verdicts = (id: "holds" | "cpu", values: number[]) => values.map((value) => verdictOf(goalOf(id), value));
    assert.deepEqual(verdicts("holds", [20_000, 8_000, 7_999]), ["aim reached", "reached", "not reached"]);
    assert.deepEqual(verdicts("cpu", [90, 150, 151]), ["aim reached", "reached", "not reached"]);
  });
});
