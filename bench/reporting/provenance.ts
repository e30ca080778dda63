// Where, when and of which commit the figures are, and how far they can be believed.

import type { Machine } from "../machine.ts";
import { medianOf } from "../statistics.ts";
import { groupsOf, unknownText } from "./answers.ts";
import { minuteText, numberText } from "./numbers.ts";
import { voidsOf, type Section } from "./report.ts";
import { tableText } from "./table.ts";

/** Cores busy with other things, from which on a machine is not quiet. */
const noisyCores = 0.2;

/** Returns the table of the machine; all that there were, where the sections come from several. */
export function machineText(sections: readonly Section[]): string {
  if (sections.length === 0) return "Nothing was measured.";
  const all = (what: (machine: Machine) => string) =>
    [...new Set(sections.map(({ machine }) => what(machine)))].join("; ");
  const withPostgres = sections.filter(({ runs }) => runs.some(({ checkedBySql }) => checkedBySql));
  const postgres = withPostgres.map(({ machine }) => `${machine.postgres}, ${machine.durability}`);
  return tableText({
    columns: ["", ""],
    rows: [
      ["cores", all(({ cores, processor }) => `${cores} × ${processor}`)],
      ["memory", all(({ memoryGb }) => `${memoryGb} GB`)],
      ["kernel", all(({ kernel }) => kernel)],
      ["Node", all(({ node }) => node)],
      ["Postgres", [...new Set(postgres)].join("; ") || "not used"],
      ["Redis", all(({ redis }) => redis)],
    ],
  });
}

/** Returns what was measured when, which runs are void, which SQL has checked, and what else the machine did. */
export function runsText(sections: readonly Section[]): string {
  const runs = sections.flatMap((section) => section.runs);
  if (runs.length === 0) return "There are none.";
  const voids = sections.flatMap((section) => voidsOf(section).map((line) => `- ${section.title}: ${line}`));
  const verdict =
    voids.length === 0
      ? [`All ${runs.length} runs count.`]
      : [`${voids.length} of ${runs.length} runs are void, and no figure contains them:`, "", ...voids];
  return [verdict.join("\n"), sqlText(sections), unknownText(runs), noiseText(sections), sectionsTable(sections)].join(
    "\n\n",
  );
}

function sqlText(sections: readonly Section[]): string {
  const runs = sections.flatMap((section) => section.runs);
  const unchecked = runs.filter(({ checkedBySql }) => !checkedBySql);
  if (unchecked.length === 0) return "After each run SQL was asked whether it agrees with the answers.";
  const names = groupsOf(unchecked).map(({ name }) => `"${name}"`);
  return `After ${runs.length - unchecked.length} of the runs SQL was asked whether it agrees with the answers. The other ${unchecked.length} have no database behind them; of those only the answers were checked: ${names.join(", ")}.`;
}

// Others: processes that are not the system's, the kernel's own work, other machines of the same host.
function noiseText(sections: readonly Section[]): string {
  const others = sections.flatMap(({ runs }) => runs.map(({ coresBusy }) => coresBusy.others));
  const median = medianOf(others);
  const verdict = median > noisyCores ? "**The machine was not quiet: expect better figures on one that is.** " : "";
  return `${verdict}During a run, ${numberText(median)} cores (median; at most ${numberText(Math.max(...others))}) were busy with what is neither the system's nor the generator's.`;
}

function sectionsTable(sections: readonly Section[]): string {
  return tableText({
    columns: ["", "measured, UTC", "commit", "took", "runs", "void", "checked in SQL", "largest process so far"],
    rows: sections.map((section) => [
      section.isQuick ? `${section.title} (quick)` : section.title,
      minuteText(section.measuredAt),
      section.machine.commit,
      `${numberText(section.seconds)} s`,
      section.runs.length,
      voidsOf(section).length,
      section.runs.filter(({ checkedBySql }) => checkedBySql).length,
      largestText(section),
    ]),
  });
}

function largestText({ runs }: Section): string {
  const all = runs.flatMap(({ peakMb }) => Object.entries(peakMb));
  const [component, mb] = all.reduce((most, each) => (each[1] > most[1] ? each : most), ["", 0]);
  return component === "" ? "" : `${component}, ${numberText(mb)} MB`;
}
