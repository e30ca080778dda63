import assert from "node:assert/strict";
import { parseArguments } from "./arguments.ts";

const names = ["capacity", "hot-area", "refusals", "edge", "batching", "soak"];

describe("what make bench is asked for", () => {
  it("is everything, in full, into the committed report, when nothing is said", () => {
    const parsed = parseArguments([], names);
    assert.ok(parsed.kind === "parsed");
    assert.deepEqual(
      [parsed.asked.size, parsed.asked.only, parsed.asked.soakSeconds, parsed.asked.reportDir],
      ["full", names, 600, "bench/report"],
    );
  });

  it("is a part, for as long as is said", () => {
    const parsed = parseArguments(["only=soak,capacity", "soak=30", "million=1000000", "report=elsewhere"], names);
    assert.ok(parsed.kind === "parsed");
    assert.deepEqual(parsed.asked, {
      size: "full",
      only: ["soak", "capacity"],
      soakSeconds: 30,
      millionRequests: 1_000_000,
      reportDir: "elsewhere",
    });
  });

  it("never replaces the committed report with a quick one", () => {
    const parsed = parseArguments(["quick=1"], names);
    assert.ok(parsed.kind === "parsed");
    assert.deepEqual([parsed.asked.size, parsed.asked.reportDir], ["quick", ".data/bench-report"]);
  });

  it("writes no report and leaves out what makes no ratio when it checks", () => {
    const parsed = parseArguments(["check=1", "only="], names);
    assert.ok(parsed.kind === "parsed");
    assert.equal(parsed.asked.reportDir, undefined);
    assert.ok(!parsed.asked.only.includes("soak"));
  });

  for (const [args, why] of [
    [["only=nothing"], /there is no nothing: there are capacity/],
    [["faster=1"], /"faster=1"/],
    [["quick"], /"quick"/],
    [["soak=long"], /soak=/],
    [["million=0.5"], /million=/],
  ] as const) {
    it(`is refused when it says ${args.join(" ")}`, () => {
      const parsed = parseArguments(args, names);
      assert.ok(parsed.kind === "wrong");
      assert.match(parsed.message, why);
    });
  }
});
