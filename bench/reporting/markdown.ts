// The report for people.

import { goals, verdictOf, type Goal } from "../goals.ts";
import type { Figure, Table } from "../scenario.ts";
import { medianOf } from "../statistics.ts";
import { numberText, quantityText, spreadText } from "./numbers.ts";
import { voidsOf, type Report, type Section } from "./report.ts";

/** Returns the report as Markdown. Charts are expected beside it. */
export function markdownOf(report: Report): string {
  const { sections } = report;
  return [
    "# What was measured",
    introduction,
    "## The machine",
    machineText(sections),
    "## Figures",
    goalsTable(sections),
    "## Runs that count",
    runsText(sections),
    ...sections.map(sectionText),
    "",
  ].join("\n\n");
}

/** Returns a line for each figure that was measured: its verdict, value and goal. */
export function figureLines(sections: readonly Pick<Section, "figures">[]): string[] {
  const figures = new Map(sections.flatMap((section) => section.figures.map((figure) => [figure.id, figure] as const)));
  return goals.flatMap((goal) => {
    const figure = figures.get(goal.id);
    if (!figure) return [];
    const [value, verdict] = measuredCells(goal, figure);
    return [`${verdict!.padEnd(12)} ${goal.title}: ${value} (must ${boundText(goal, goal.must)})`];
  });
}

/** Returns the table of goals with what was measured. */
function goalsTable(sections: readonly Section[]): string {
  const figures = new Map(sections.flatMap((section) => section.figures.map((figure) => [figure.id, figure] as const)));
  const rows = goals.map((goal) => [
    goal.title,
    ...measuredCells(goal, figures.get(goal.id)),
    boundText(goal, goal.must),
    boundText(goal, goal.aim),
  ]);
  return tableText({ columns: ["figure", "median (range)", "", "must", "aim"], rows });
}

const noisyCores = 0.2;

const introduction = `Written by \`make bench\`, which runs everything on one machine: Postgres, Redis, every service, the gateway and the load
generator share its cores. Authentication, validation, limits (also the limit of seats a customer), idempotency and metrics
are on; Postgres is durable. Every request is a request of its own: its own reservation id, its own customer, two seats.

A run counts only if SQL afterwards agrees with what buyers were told: every acknowledged id is in the database, no seat has
two owners, areas add up, and there is no hold beside the acknowledged ones, so that every refusal holds nothing. Where
things are compared they are measured in turn, forwards and backwards (A B B A …), each round after \`analyze\` and a
checkpoint, on a system that is warm. Figures are medians of rounds, with the whole range beside them.`;

function measuredCells(goal: Goal, figure: Figure | undefined): string[] {
  if (!figure) return ["not measured", ""];
  if (figure.values.length === 0) return ["—", "void"];
  return [spreadText(figure.values, goal.unit), verdictOf(goal, medianOf(figure.values))];
}

function boundText({ better, unit }: Goal, value: number): string {
  return `${better === "higher" ? "≥" : "≤"} ${quantityText(value, unit)}`;
}

function machineText(sections: readonly Section[]): string {
  const last = sections.map(({ machine }) => machine).at(-1);
  if (!last) return "Nothing was measured.";
  const commits = [...new Set(sections.map(({ machine }) => machine.commit))];
  const times = sections.map(({ measuredAt }) => measuredAt).sort();
  return tableText({
    columns: ["", ""],
    rows: [
      ["cores", `${last.cores} × ${last.processor}`],
      ["memory", `${last.memoryGb} GB`],
      ["kernel", last.kernel],
      ["Node", last.node],
      ["Postgres", `${last.postgres}, ${last.durability}`],
      ["Redis", last.redis],
      ["commit", commits.join(", ")],
      ["measured", times[0] === times.at(-1) ? times[0]! : `${times[0]} to ${times.at(-1)}`],
    ],
  });
}

function runsText(sections: readonly Section[]): string {
  const count = sections.reduce((sum, { runs }) => sum + runs.length, 0);
  const noise = noiseText(sections);
  const voids = sections.flatMap((section) => voidsOf(section).map((line) => `- ${section.title}: ${line}`));
  if (voids.length === 0) return `All ${count} runs count. ${noise}`;
  return [`${voids.length} of ${count} runs are void, and no figure contains them:`, ...voids, "", noise].join("\n");
}

// What else the machine did: processes that are not the system's, the kernel's own work, other machines of the same host.
function noiseText(sections: readonly Section[]): string {
  const others = sections.flatMap(({ runs }) => runs.map(({ coresBusy }) => coresBusy.others));
  if (others.length === 0) return "";
  const median = medianOf(others);
  const verdict = median > noisyCores ? "**The machine was not quiet: expect better figures on one that is.** " : "";
  return `${verdict}During a run, ${numberText(median)} cores (median; at most ${numberText(Math.max(...others))}) were busy with what is neither the system's nor the generator's.`;
}

function sectionText(section: Section): string {
  const { title, how, figures, tables, charts } = section;
  return [
    `## ${title}`,
    how,
    figures.map(figureLine).join("\n"),
    ...charts.map((chart) => `![${chart.title}](${chart.file})`),
    ...tables.map((table) => `${table.title}:\n\n${tableText(table)}`),
    `Took ${numberText(section.seconds)} s on ${section.measuredAt} at commit ${section.machine.commit}.`,
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

function figureLine({ id, values, note }: Figure): string {
  const goal = goals.find((each) => each.id === id)!;
  const verdict = values.length === 0 ? "void" : verdictOf(goal, medianOf(values));
  return `- **${goal.title}: ${spreadText(values, goal.unit)}**, ${verdict} (must ${boundText(goal, goal.must)}, aim ${boundText(goal, goal.aim)}). ${note}`;
}

function tableText({ columns, rows }: Pick<Table, "columns" | "rows">): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => (typeof cell === "number" ? numberText(cell) : cell)).join(" | ")} |`;
  return [line(columns), `|${columns.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
