// The report: report.json for programs, report.md for people. Cases that ran anew replace what was said of them before.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CaseResult } from "./run-case.ts";

/** A case with when it ran and on what. */
export type CaseRecord = CaseResult & {
  /** ISO 8601. */
  ranAt: string;
  commit: string;
};

// What `readCommit` of the measurements says where files differ.
const changesMark = " with changes";

/** All of it. */
export type Report = { cases: CaseRecord[] };

/** Returns `report` with `record` in it, in the order of `names`; cases that are no longer in the matrix leave. */
export function withRecord(report: Report, record: CaseRecord, names: readonly string[]): Report {
  const byName = new Map([...report.cases, record].map((each) => [each.name, each]));
  return { cases: names.flatMap((name) => byName.get(name) ?? []) };
}

/** Begins the report in `dir` anew. */
export async function forgetRecords(dir: string): Promise<void> {
  await rm(join(dir, "report.json"), { force: true });
}

/** Writes `record` into the report in `dir`. */
export async function writeRecord(dir: string, record: CaseRecord, names: readonly string[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, "report.json");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return '{ "cases": [] }';
    throw error;
  });
  const report = withRecord(JSON.parse(text) as Report, record, names);
  await writeFile(file, `${JSON.stringify(report, wholeNumbers, 1)}\n`);
  await writeFile(join(dir, "report.md"), markdownOf(report, names.length));
}

function wholeNumbers(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value) : value;
}

/** Returns the report as Markdown; the matrix has `casesInAll` cases. */
export function markdownOf({ cases }: Report, casesInAll: number): string {
  const broken = cases.filter(({ problems }) => problems.length > 0);
  const latest = cases.toSorted((a, b) => a.ranAt.localeCompare(b.ranAt)).at(-1)?.commit;
  return [
    "# Faults",
    introduction,
    provenanceOf(cases, latest),
    `${cases.length} of ${casesInAll} cases have run: ${cases.length - broken.length} hold, ${broken.length} do not.`,
    ...(broken.length > 0 ? ["## What does not hold", ...broken.map(brokenText)] : []),
    "## All cases",
    [header, ...cases.map((record) => rowOf(record, latest))].join("\n"),
    "",
  ].join("\n\n");
}

const introduction = `Written by \`make faults\`. *Recovered* is how long after the return of what was gone the first booking was confirmed;
*its story* how long after it the one booking that the fault struck at a step had come to its end, where there is one; *settled* how long after it nothing was unfinished any more and every check was clean. [README.md](../README.md) says how to read it.`;

const header =
  "| case | | recovered | its story | settled | bookings | answers (unknown) | what shows that it fired |\n|---|---|---|---|---|---|---|---|";

// When the rows ran, and on what; which of them say less than they seem to.
function provenanceOf(cases: readonly CaseRecord[], latest: string | undefined): string {
  const times = cases.map(({ ranAt }) => ranAt).toSorted();
  const commits = [...new Set(cases.map(({ commit }) => commit))].toSorted(byFirst(latest));
  const marked = cases.filter((record) => isMarked(record, latest)).length;
  return [
    `They ran from ${times[0]} to ${times.at(-1)}, on commit ${commits.join(", and on ")}.`,
    marked === 0
      ? "Every row is of that commit, and nothing differed from it."
      : `${marked} rows name their commit: it is not the newest, or files differed from it.`,
  ].join(" ");
}

function isMarked({ commit }: CaseRecord, latest: string | undefined): boolean {
  return commit !== latest || commit.endsWith(changesMark);
}

function byFirst(first: string | undefined) {
  return (a: string, b: string) => Number(b === first) - Number(a === first);
}

function brokenText({ name, problems, ranAt, commit }: CaseRecord): string {
  return [`**${name}** (${ranAt}, ${commit})`, ...problems.map((problem) => `- ${problem}`)].join("\n");
}

function rowOf(result: CaseRecord, latest: string | undefined): string {
  const { name, problems, commit, recoveryMs, storyMs, settledMs, bookings, known, unknown, proof } = result;
  const cells = [
    isMarked(result, latest) ? `${name} (${commit})` : name,
    problems.length === 0 ? "holds" : "**BROKEN**",
    secondsText(recoveryMs),
    secondsText(storyMs),
    secondsText(settledMs),
    String(bookings),
    `${known} (${unknown})`,
    proof.replaceAll("|", "\\|"),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** Returns `1.2 s`, or a dash. */
export function secondsText(ms: number | undefined | null): string {
  return typeof ms === "number" ? `${(ms / 1_000).toFixed(1)} s` : "–";
}
