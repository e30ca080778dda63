import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchControl, Run } from "./bench.ts";
import { measureAll } from "./measure-all.ts";
import type { Findings, Scenario } from "./scenario.ts";

const nothing: Findings = { figures: [], tables: [], charts: [] };

describe("measuring all", () => {
  let dir: string;
  let steps: string[];
  let runs: Partial<Run>[];
  const log = console.log;
  const error = console.error;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "boxoffice-bench-"));
    [steps, runs] = [[], []];
    console.log = console.error = () => {};
  });
  afterEach(async () => {
    console.log = log;
    console.error = error;
    await rm(dir, { recursive: true, force: true });
  });

  const benchOf = (only: string[]) =>
    ({
      asked: { size: "quick", only, soakSeconds: 10, millionRequests: 10, reportDir: dir },
      endScenario: async () => {
        steps.push("end");
        return { runs: runs.splice(0), postgres: undefined };
      },
      stopSystem: async () => void steps.push("stop"),
    }) as unknown as BenchControl;
  const scenarioOf = (name: string, measure: () => Promise<Findings>): Scenario => ({
    name,
    title: name,
    how: "",
    measure: async () => {
      steps.push(name);
      return await measure();
    },
  });

  it("measures what was asked for, in order, and writes it down", async () => {
    const all = ["a", "b", "c"].map((name) => scenarioOf(name, async () => nothing));
    assert.deepEqual(await measureAll(benchOf(["c", "a"]), all), []);
    assert.deepEqual(steps, ["a", "end", "c", "end"]);
    assert.match(await readFile(join(dir, "report.md"), "utf8"), /## a \(quick[^]*## c \(quick/);
  });

  it("tells of void runs", async () => {
    const scenario = scenarioOf("a", async () => {
      const counted = { counts: {}, again: {}, peakMb: {}, coresBusy: { all: 1, others: 0 } };
      runs.push({ label: "holds, 1", wrong: ["2 seats have two owners"], ...counted });
      return nothing;
    });
    assert.deepEqual(await measureAll(benchOf(["a"]), [scenario]), [
      "a has a void run: holds, 1: 2 seats have two owners",
    ]);
  });

  it("goes on after a scenario that broke, with another system, and tells of it", async () => {
    const broken = scenarioOf("a", () => Promise.reject(new Error("no more connections")));
    const next = scenarioOf("b", async () => nothing);
    assert.deepEqual(await measureAll(benchOf(["a", "b"]), [broken, next]), ["a broke: no more connections"]);
    assert.deepEqual(steps, ["a", "end", "stop", "b", "end"]);
  });
});
