// What requests were answered, round by round: a median would hide the one round in which something broke.

import { isUnknown } from "../load/retry.ts";
import { numberText, rangeText } from "./numbers.ts";
import type { RunRecord } from "./report.ts";
import { tableText } from "./table.ts";

/** Runs that differ by their round alone. */
export type RunGroup = { name: string; runs: RunRecord[] };

/** Returns the runs by what they are called, without the number of the round. */
export function groupsOf(runs: readonly RunRecord[]): RunGroup[] {
  const groups = new Map<string, RunRecord[]>();
  for (const run of runs) {
    const name = run.label.replace(/, \d+$/, "");
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return [...groups].map(([name, of]) => ({ name, runs: of }));
}

/**
 * Returns a table of the runs in which not every request succeeded at its first try: of each answer, how many a round. A
 * sentence where there are none.
 */
export function answersText(runs: readonly RunRecord[]): string {
  if (runs.length === 0) return "";
  const groups = groupsOf(runs);
  const shown = groups.filter((group) => !group.runs.every(isFlawless));
  if (shown.length === 0) return "In every run all requests succeeded at the first try.";
  const shownRuns = shown.flatMap((group) => group.runs);
  const answers = namesOf(shownRuns.map(({ counts }) => counts));
  const agains = namesOf(shownRuns.map(({ again }) => again));
  const table = tableText({
    columns: ["", "rounds", ...answers, ...agains.map((answer) => `${answer}, asked again`)],
    rows: shown.map((group) => [
      group.name,
      group.runs.length,
      ...answers.map((answer) => rangeText(group.runs.map(({ counts }) => counts[answer] ?? 0))),
      ...agains.map((answer) => rangeText(group.runs.map(({ again }) => again[answer] ?? 0))),
    ]),
  });
  const rest = shown.length < groups.length ? " In all other runs every request succeeded at the first try." : "";
  return `Answers, the fewest and the most of any round; void runs are among them.${rest}\n\n${table}`;
}

/** Returns a sentence on requests of which nobody knows what became: 5xx and broken connections. */
export function unknownText(runs: readonly RunRecord[]): string {
  const requests = runs.reduce((sum, { answered }) => sum + answered, 0);
  const counts = new Map<string, number>();
  for (const [answer, count] of runs.flatMap((run) => Object.entries(run.counts))) {
    if (isUnknown(answer)) counts.set(answer, (counts.get(answer) ?? 0) + count);
  }
  const found = [...counts].map(([answer, count]) => `${numberText(count)} ${answer}`).join(", ");
  const open = found === "" ? "every one" : `all but these (${found})`;
  return `Of ${numberText(requests)} requests ${open} got an answer that says what became of it.`;
}

function isFlawless({ held, answered, again }: RunRecord): boolean {
  return held === answered && Object.keys(again).length === 0;
}

function namesOf(counts: readonly Record<string, number>[]): string[] {
  return [...new Set(counts.flatMap((each) => Object.keys(each)))];
}
