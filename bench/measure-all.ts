// Goes through the scenarios.

import type { BenchControl } from "./bench.ts";
import { readCommit, readMachineFacts } from "./machine.ts";
import { figureLines } from "./reporting/markdown.ts";
import { recordOf, voidsOf } from "./reporting/report.ts";
import { writeSection, type NewSection } from "./reporting/write-report.ts";
import type { Scenario } from "./scenario.ts";

/** Measures what was asked for and writes each scenario's section once it is there. Returns what went wrong, in words. */
export async function measureAll(bench: BenchControl, scenarios: readonly Scenario[]): Promise<string[]> {
  const { only, reportDir } = bench.asked;
  const names = scenarios.map(({ name }) => name);
  const sections: NewSection[] = [];
  const problems: string[] = [];
  const commit = await readCommit();
  for (const scenario of scenarios.filter(({ name }) => only.includes(name))) {
    const section = await measureOne(bench, scenario, commit).catch(async (error: unknown) => {
      console.error(error);
      // Whatever broke it may be broken itself: the next scenario starts with a new system.
      await bench.stopSystem();
      problems.push(`${scenario.name} broke: ${error instanceof Error ? error.message : String(error)}`);
    });
    if (!section) continue;
    sections.push(section);
    problems.push(...voidsOf(section).map((line) => `${scenario.name} has a void run: ${line}`));
    if (reportDir !== undefined) await writeSection(reportDir, section, names);
  }
  console.log(`\n${figureLines(sections).join("\n")}\n`);
  if (reportDir !== undefined) console.log(`the report is ${reportDir}/report.md`);
  return problems;
}

async function measureOne(bench: BenchControl, scenario: Scenario, commit: string): Promise<NewSection> {
  const { name, title, how } = scenario;
  console.log(`\n${name}: ${title}`);
  const startedAt = Date.now();
  try {
    const findings = await scenario.measure(bench);
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    const { runs, postgres } = await bench.endScenario();
    const machine = { ...(await readMachineFacts(postgres)), commit };
    return {
      name,
      title,
      how,
      measuredAt: new Date(startedAt).toISOString(),
      seconds,
      machine,
      ...findings,
      runs: runs.map(recordOf),
    };
  } catch (error) {
    await bench.endScenario().catch((second: unknown) => console.error(second));
    throw error;
  }
}
