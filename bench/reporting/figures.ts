// The figures against their goals.

import { goals, verdictOf, type Goal } from "../goals.ts";
import type { Figure } from "../scenario.ts";
import { medianOf } from "../statistics.ts";
import { minuteText, quantityText, spreadText } from "./numbers.ts";
import type { Section } from "./report.ts";
import { tableText } from "./table.ts";

/** Returns a line for each figure that was measured: its verdict, value and goal. */
export function figureLines(sections: readonly Pick<Section, "figures">[]): string[] {
  return goals.flatMap((goal) => {
    const figure = sections.flatMap(({ figures }) => figures).find(({ id }) => id === goal.id);
    if (!figure) return [];
    const { value, verdict } = measured(goal, figure);
    return [`${verdict.padEnd(12)} ${goal.title}: ${value} (must ${boundText(goal, goal.must)})`];
  });
}

/** Returns the table of goals with what was measured, when, and of which commit. */
export function goalsTable(sections: readonly Section[]): string {
  const rows = goals.map((goal) => {
    const section = sections.find(({ figures }) => figures.some(({ id }) => id === goal.id));
    const figure = section?.figures.find(({ id }) => id === goal.id);
    const { value, verdict } = figure ? measured(goal, figure) : { value: "not measured", verdict: "" };
    const bounds = [boundText(goal, goal.must), boundText(goal, goal.aim)];
    return [goal.title, value, verdict, ...bounds, ...(section ? originOf(section) : ["", ""])];
  });
  return tableText({
    columns: ["figure", "median (range)", "", "must", "aim", "measured, UTC", "commit"],
    rows,
  });
}

/** Returns a figure as a line of its section, with its note. */
export function figureLine(figure: Figure): string {
  const goal = goals.find((each) => each.id === figure.id)!;
  const { value, verdict } = measured(goal, figure);
  const bounds = `must ${boundText(goal, goal.must)}, aim ${boundText(goal, goal.aim)}`;
  return `- **${goal.title}: ${value}**, ${verdict} (${bounds}). ${figure.note}`;
}

function measured(goal: Goal, { values }: Figure): { value: string; verdict: string } {
  if (values.length === 0) return { value: "—", verdict: "void" };
  return { value: spreadText(values, goal.unit), verdict: verdictOf(goal, medianOf(values)) };
}

function originOf({ measuredAt, machine, isQuick }: Section): [measuredAt: string, commit: string] {
  return [`${minuteText(measuredAt)}${isQuick ? ", quick" : ""}`, machine.commit];
}

function boundText({ better, unit }: Goal, value: number): string {
  return `${better === "higher" ? "≥" : "≤"} ${quantityText(value, unit)}`;
}
