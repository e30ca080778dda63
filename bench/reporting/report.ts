// The report as data: one section a scenario. Scenarios that were measured anew replace their old sections.

import type { Machine } from "../machine.ts";
import type { Run } from "../bench.ts";
import type { Figure, Table } from "../scenario.ts";

/** What one scenario found. */
export type Section = {
  name: string;
  title: string;
  how: string;
  /** ISO 8601. */
  measuredAt: string;
  seconds: number;
  /** True where rounds were so short that the figures mean nothing; left out of a full measurement. */
  isQuick?: true;
  machine: Machine;
  figures: Figure[];
  tables: Table[];
  charts: { title: string; file: string }[];
  runs: RunRecord[];
};

/** A run without what only its check needed. */
export type RunRecord = Omit<Run, "told" | "timeline">;

/** All of it. */
export type Report = { sections: Section[] };

/** Returns `report` with `sections` in place of those of the same name, in the order of `names`. */
export function withSections(report: Report, sections: readonly Section[], names: readonly string[]): Report {
  const all = new Map([...report.sections, ...sections].map((section) => [section.name, section]));
  return { sections: names.flatMap((name) => all.get(name) ?? []) };
}

/** Returns what the record keeps of a run, numbers to four significant digits. */
export function recordOf({ told: _, timeline: __, ...run }: Run): RunRecord {
  return JSON.parse(JSON.stringify(run, (___, value: unknown) => rounded(value))) as RunRecord;
}

/** Returns what is wrong with each void run. */
export function voidsOf({ runs }: Pick<Section, "runs">): string[] {
  return runs.flatMap(({ label, wrong }) => (wrong.length > 0 ? [`${label}: ${wrong.join("; ")}`] : []));
}

function rounded(value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
