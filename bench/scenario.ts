// The shape that all scenarios share: what is measured, and what was found.

import type { Bench } from "./bench.ts";
import type { GoalId } from "./goals.ts";
import type { Chart } from "./reporting/charts.ts";

/** Something that is measured. */
export type Scenario = {
  /** Its word in `only=`. */
  name: string;
  title: string;
  /** What is measured and how, for the report: a few sentences. */
  how: string;
  measure(bench: Bench): Promise<Findings>;
};

/** What was found. */
export type Findings = {
  figures: Figure[];
  tables: Table[];
  charts: Chart[];
};

/** What one round each said of a goal, in the goal's unit. */
export type Figure = {
  id: GoalId;
  /** One value a round; none where every run was void. */
  values: number[];
  /** What a reader has to know beside the number: what bounds it, how many succeeded. */
  note: string;
};

/** A table of the report. */
export type Table = { title: string; columns: string[]; rows: (string | number)[][] };
