import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { helpText, parseArguments } from "./arguments.ts";
import { scenarios } from "./scenarios/all.ts";

const names = ["capacity", "hot-area", "refusals", "edge", "batching", "million", "soak"];

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
    const parsed = parseArguments(["only=million,soak", "soak=30", "million=1000000", "report=elsewhere"], names);
    assert.ok(parsed.kind === "parsed");
    assert.deepEqual(parsed.asked, {
      size: "full",
      only: ["million", "soak"],
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

  it("is the words and the scenarios that there are, when it asks for help", () => {
    assert.equal(parseArguments(["help=1"], names).kind, "help");
    const text = helpText([{ name: "soak", title: "A soak" }]);
    for (const part of [/only=/, /quick=1/, /soak +A soak/]) assert.match(text, part);
  });

  for (const [args, why] of [
    [["only=nothing"], /no scenario "nothing": there are capacity, hot-area/],
    [["only=soak,"], /no scenario ""/],
    [["quikc=1"], /"quikc=1" is none of its words:[^]*quick=1/],
    [["quick"], /"quick" is none/],
    [["quick=yes"], /quick= takes 1/],
    [["quick=1", "check=1"], /exclude each other/],
    [["only=soak", "only=edge"], /only= is said twice/],
    [["only=edge", "soak=60"], /soak= is for the scenario soak/],
    [["check=1", "million=100"], /million= is for the scenario million/],
    [["soak=long"], /soak= takes/],
    [["million=0.5"], /million= takes/],
  ] as const) {
    it(`is refused when it says ${args.join(" ")}`, () => {
      const parsed = parseArguments(args, names);
      assert.ok(parsed.kind === "wrong");
      assert.match(parsed.message, why);
    });
  }

  it("finds every scenario in bench/README.md", async () => {
    const readme = await readFile(new URL("README.md", import.meta.url), "utf8");
    for (const { name } of scenarios) assert.ok(readme.includes(`| \`${name}\` |`), name);
  });
});
