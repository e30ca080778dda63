import assert from "node:assert/strict";
import { answersText, groupsOf, unknownText } from "./answers.ts";
import type { RunRecord } from "./report.ts";

function recordOf(label: string, counts: Record<string, number>, again: Record<string, number> = {}): RunRecord {
  const answered = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { label, counts, again, answered, held: counts["held"] ?? 0 } as RunRecord;
}

describe("the answers of a scenario's runs", () => {
  it("are shown as the fewest and the most of any round, which a median would hide", () => {
    const text = answersText([
      recordOf("holds, 1", { held: 90 }),
      recordOf("holds, 2", { held: 80, broken: 7 }, { OVERLOADED: 1_234 }),
      recordOf("holds, 3", { held: 90 }),
    ]);
    assert.match(text, /\|  \| rounds \| held \| broken \| OVERLOADED, asked again \|/);
    assert.match(text, /\| holds \| 3 \| 80 – 90 \| 0 – 7 \| 0 – 1,234 \|/);
  });

  it("are left out where every request succeeded at its first try", () => {
    const flawless = recordOf("warming up, 1", { held: 5 });
    assert.match(answersText([flawless]), /^In every run all requests succeeded/);
    const text = answersText([flawless, recordOf("refusals, 1", { SOLD_OUT: 4 })]);
    assert.match(text, /In all other runs every request succeeded/);
    assert.doesNotMatch(text, /warming up/);
  });

  it("are grouped by all of a run's name but its round", () => {
    const names = ["holds, 64 connections, 1", "holds, 64 connections, 2", "500/s, 1", "soak, 900/s"];
    const groups = groupsOf(names.map((name) => recordOf(name, {})));
    assert.deepEqual(
      groups.map(({ name, runs }) => `${name}: ${runs.length}`),
      ["holds, 64 connections: 2", "500/s: 1", "soak, 900/s: 1"],
    );
  });

  it("count those of which nobody knows what became", () => {
    const runs = [recordOf("a, 1", { held: 996, broken: 1, http_503: 2 }), recordOf("a, 2", { held: 1, broken: 3 })];
    assert.match(unknownText(runs), /^Of 1,003 requests all but these \(4 broken, 2 http_503\) got an answer/);
    assert.match(unknownText([recordOf("a, 1", { SOLD_OUT: 9 })]), /^Of 9 requests every one got an answer/);
  });
});
