import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Run } from "../bench.ts";
import { lineChart, stackedBars, svgOf } from "./charts.ts";
import { figureLines } from "./figures.ts";
import { markdownOf } from "./markdown.ts";
import { numberText, spreadText } from "./numbers.ts";
import { recordOf, voidsOf, withSections, type Section } from "./report.ts";
import { writeSection, type NewSection } from "./write-report.ts";

const machine = {
  ...{ cores: 2, processor: "a processor", memoryGb: 24, kernel: "6", node: "20", postgres: "18.4", redis: "7" },
  ...{ durability: "fsync on", commit: "abc" },
};
const latency = { p50: 1, p90: 2, p99: 3, p999: 4, max: 5, mean: 1.5 };

function runOf(changes: Partial<Run> = {}): Run {
  return {
    label: "holds, 1",
    ...{ counts: { held: 3 }, again: {}, latencies: { held: latency }, overall: latency, lateness: undefined },
    ...{ timeline: { bucketMs: 100, counts: {} }, elapsedMs: 1_000.123456 },
    ...{ held: 3, answered: 3, heldPerSecond: 3, answeredPerSecond: 3, cpuUsPerHeld: {}, cpuUsPerAnswer: {} },
    ...{ coresBusy: { all: 1, others: 0.05 }, peakMb: {}, told: { okIds: ["a"], unknown: 0 } },
    ...{ checkedBySql: true, wrong: [] },
    ...changes,
  };
}

function sectionOf(name: string, changes: Partial<NewSection> = {}): NewSection {
  return {
    ...{ name, title: `Title of ${name}`, how: "How.", measuredAt: "2026-11-21T10:00:00.000Z", seconds: 5, machine },
    figures: [{ id: "holds", values: [9_000, 8_500, 10_000], note: "A note." }],
    tables: [{ title: "A table", columns: ["a", "b"], rows: [["x", 12_345.678]] }],
    charts: [
      lineChart({
        ...{ name: "line", title: "A line", x: { name: "seconds" }, y: { name: "MB" } },
        lines: [{ name: "one", points: [[0, 1], [1, undefined], [2, 3]] }], // prettier-ignore
        marks: [{ name: "must", value: 10 }],
      }),
    ],
    runs: [recordOf(runOf())],
    ...changes,
  };
}

const plain = (section: NewSection): Section => ({ ...section, charts: [] });

describe("the report", () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), "boxoffice-report-"))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("is Markdown, JSON and a file for each chart, which the Markdown shows", async () => {
    await writeSection(dir, sectionOf("capacity"), ["capacity"]);
    assert.deepEqual((await readdir(dir)).sort(), ["capacity-line.svg", "report.json", "report.md"]);
    assert.match(await readFile(join(dir, "report.md"), "utf8"), /!\[A line\]\(capacity-line\.svg\)/);
  });

  it("keeps the sections that were not measured again, in the scenarios' order", async () => {
    const names = ["capacity", "soak"];
    await writeSection(dir, sectionOf("soak"), names);
    await writeSection(dir, sectionOf("capacity", { how: "Old." }), names);
    await writeSection(dir, sectionOf("capacity", { how: "New." }), names);
    const { sections } = JSON.parse(await readFile(join(dir, "report.json"), "utf8")) as { sections: Section[] };
    assert.deepEqual(
      sections.map(({ name, how }) => `${name} ${how}`),
      ["capacity New.", "soak How."],
    );
  });

  it("forgets sections of scenarios that are gone", () => {
    assert.deepEqual(withSections({ sections: [plain(sectionOf("gone"))] }, [], ["capacity"]), { sections: [] });
  });

  it("says of each figure its median, its range, what it must reach, and whether it does", () => {
    const text = markdownOf({ sections: [plain(sectionOf("capacity"))] });
    assert.match(
      text,
      /\| 9,000\/s \(8,500 – 10,000, 3 rounds\) \| reached \| ≥ 8,000\/s \| ≥ 20,000\/s \| 2026-11-21 10:00 \| abc \|/,
    );
    assert.match(text, /a million requests \| not measured/);
    assert.match(text, /\| x \| 12,346 \|/);
    assert.match(text, /All 1 runs count/);
  });

  it("says which runs are void, and shows no figure of them", () => {
    const wrong = ["2 seats have two owners"];
    const figures: NewSection["figures"] = [{ id: "holds", values: [], note: "" }];
    const section = sectionOf("capacity", { runs: [recordOf(runOf({ wrong }))], figures });
    assert.deepEqual(voidsOf(section), ["holds, 1: 2 seats have two owners"]);
    const text = markdownOf({ sections: [plain(section)] });
    assert.match(text, /1 of 1 runs are void[^]*2 seats have two owners/);
    assert.match(text, /\| — \| void \|/);
    assert.match(figureLines([section]).join(), /^void/);
  });

  it("says when and at which commit each scenario was measured", () => {
    const later = sectionOf("soak", { measuredAt: "2026-11-22T11:12:13.000Z", machine: { ...machine, commit: "def" } });
    const text = markdownOf({ sections: [sectionOf("capacity"), { ...later, figures: [] }].map(plain) });
    assert.match(text, /\| Title of capacity \| 2026-11-21 10:00 \| abc \| 5 s \| 1 \| 0 \| 1 \|/);
    assert.match(text, /\| Title of soak \| 2026-11-22 11:12 \| def \|/);
  });

  it("says in its title, its table and its sections that it is quick", () => {
    const quick = plain(sectionOf("capacity", { isQuick: true }));
    assert.match(markdownOf({ sections: [quick] }), /^# What was measured in a quick run\n\n.*mean nothing/);
    assert.match(markdownOf({ sections: [quick] }), /10:00, quick \|[^]*## Title of capacity \(quick/);
    const mixed = markdownOf({ sections: [quick, plain(sectionOf("soak"))] });
    assert.match(mixed, /^# What was measured, some of it quickly\n\n.*in: Title of capacity\./);
    assert.doesNotMatch(markdownOf({ sections: [plain(sectionOf("soak"))] }), /quick/);
  });

  it("says which runs SQL has checked, and which have no database behind them", () => {
    const runs = [1, 2].map((round) =>
      recordOf(runOf({ label: `bare, 64 connections, ${round}`, checkedBySql: false })),
    );
    const text = markdownOf({ sections: [plain(sectionOf("capacity", { runs: [recordOf(runOf()), ...runs] }))] });
    assert.match(text, /After 1 of the runs SQL was asked/);
    assert.match(text, /The other 2 have no database[^\n]*: "bare, 64 connections"\./);
    assert.match(markdownOf({ sections: [plain(sectionOf("soak"))] }), /After each run SQL was asked/);
  });

  it("warns when the machine was not quiet", () => {
    const noisy = sectionOf("capacity", { runs: [recordOf(runOf({ coresBusy: { all: 2, others: 0.9 } }))] });
    assert.match(markdownOf({ sections: [plain(noisy)] }), /not quiet/);
    assert.doesNotMatch(markdownOf({ sections: [plain(sectionOf("capacity"))] }), /not quiet/);
  });

  it("keeps of a run what a reader can use", () => {
    const record = recordOf(runOf());
    assert.ok(!("told" in record) && !("timeline" in record));
    assert.equal(record.elapsedMs, 1_000);
  });
});

describe("numbers", () => {
  it("have three significant digits, never less than the whole", () => {
    const texts = [12_345.6, 123.4, 12.34, 1.234, 0.1234, 0.001234, 0].map(numberText);
    assert.deepEqual(texts, ["12,346", "123", "12.3", "1.23", "0.123", "0.0012", "0"]);
  });

  it("come with their range", () => {
    assert.equal(spreadText([2, 1, 3], "ms"), "2 ms (1 – 3, 3 rounds)");
    assert.equal(spreadText([2], "×"), "2 × (1 round)");
    assert.equal(spreadText([], "s"), "—");
  });
});

describe("a chart", () => {
  it("is an SVG with its title, its axes and its marks, drawn without a browser", () => {
    const svg = svgOf(sectionOf("capacity").charts[0]!);
    assert.match(svg, /^<svg/);
    for (const text of ["A line", "seconds", "MB", "must"]) assert.ok(svg.includes(`>${text}</text>`), text);
  });

  it("stacks parts into bars and names them", () => {
    const bars = stackedBars({
      ...{ name: "cpu", title: "Processor", bars: ["64"], x: { name: "connections" }, y: { name: "µs" } },
      parts: [
        { name: "gateway", values: [40] },
        { name: "postgres", values: [30] },
      ],
    });
    const svg = svgOf(bars);
    for (const text of ["gateway", "postgres", "connections", "µs"]) assert.ok(svg.includes(`>${text}</text>`), text);
  });
});
