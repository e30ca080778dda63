// The report for people.

import { answersText } from "./answers.ts";
import { figureLine, goalsTable } from "./figures.ts";
import { minuteText, numberText } from "./numbers.ts";
import { machineText, runsText } from "./provenance.ts";
import type { Report, Section } from "./report.ts";
import { tableText } from "./table.ts";

/** Returns the report as Markdown. Charts are expected beside it. */
export function markdownOf({ sections }: Report): string {
  return [
    titleText(sections),
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

const introduction = `Written by \`make bench\`, which runs everything on one machine: Postgres, Redis, every service, the gateway and the load
generator share its cores. Authentication, validation, limits (also the limit of seats a customer), idempotency and metrics
are on; Postgres is durable. Every request is a request of its own: its own reservation id, its own customer, two seats.
Scenarios can be measured one by one: each figure has its own time and commit beside it.

A run against the database counts only if SQL afterwards agrees with what buyers were told: every acknowledged id is in the
database, no seat has two owners, areas add up, and there is no hold beside the acknowledged ones, so that every refusal holds
nothing. Where things are compared they are measured in turn, forwards and backwards (A B B A …), each round after \`analyze\` and
a checkpoint, on a system that is warm. Figures are medians of rounds, with the whole range beside them. A ratio (×) is taken in
each round, of the runs of that round: the figure is the median of those ratios, not the ratio of the medians.`;

function titleText(sections: readonly Section[]): string {
  const quick = sections.filter(({ isQuick }) => isQuick);
  if (quick.length === 0) return "# What was measured";
  if (quick.length === sections.length) {
    return "# What was measured in a quick run\n\n**This shows that everything works, no more: rounds were so short that the figures mean nothing.**";
  }
  const titles = quick.map(({ title }) => title).join("; ");
  return `# What was measured, some of it quickly\n\n**Rounds were so short that the figures mean nothing, in: ${titles}.**`;
}

function sectionText(section: Section): string {
  const { title, how, figures, tables, charts, isQuick } = section;
  return [
    `## ${title}${isQuick ? " (quick: the figures mean nothing)" : ""}`,
    how,
    figures.map(figureLine).join("\n"),
    ...charts.map((chart) => `![${chart.title}](${chart.file})`),
    ...tables.map((table) => `${table.title}:\n\n${tableText(table)}`),
    answersText(section.runs),
    `Took ${numberText(section.seconds)} s on ${minuteText(section.measuredAt)} UTC at commit ${section.machine.commit}.`,
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}
