// `make faults`: runs the cases it is asked to, says how each went, writes the report, and fails where one does not hold.

import { build } from "#stack/build";
import { readCommit } from "../../bench/machine.ts";
import { parseArguments } from "./arguments.ts";
import { cases } from "./cases/all.ts";
import { forgetRecords, secondsText, writeRecord } from "./report.ts";
import type { CaseResult } from "./run-case.ts";
import { createCaseRunner } from "./run-cases.ts";

const names = cases.map(({ name }) => name);
const parsed = parseArguments(process.argv.slice(2), names);
if (parsed.kind === "wrong") {
  console.error(`make faults: ${parsed.message}`);
  process.exitCode = 2;
} else {
  const runner = createCaseRunner();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void runner.stop().finally(() => process.exit(130)));
  }
  try {
    await build();
    const commit = await readCommit();
    const asked = cases.filter(({ name }) => parsed.asked.names.includes(name));
    if (parsed.asked.isWhole) await forgetRecords(parsed.asked.reportDir);
    let broken = 0;
    for (const [index, each] of asked.entries()) {
      const result = await runner.run(each);
      if (result.problems.length > 0) broken += 1;
      console.log(lineOf(result, `${index + 1}/${asked.length}`));
      await writeRecord(parsed.asked.reportDir, { ...result, ranAt: new Date().toISOString(), commit }, names);
    }
    console.log(`${asked.length - broken} hold, ${broken} broken; the report is in ${parsed.asked.reportDir}`);
    if (broken > 0) process.exitCode = 1;
  } finally {
    await runner.stop();
  }
}

function lineOf({ name, problems, recoveryMs, settledMs, tookMs }: CaseResult, place: string): string {
  const verdict = problems.length === 0 ? "holds " : "BROKEN";
  const times = `recovered ${secondsText(recoveryMs)}, settled ${secondsText(settledMs)}, took ${secondsText(tookMs)}`;
  return [
    `${place.padStart(7)} ${verdict} ${name.padEnd(56)} ${times}`,
    ...problems.map((problem) => `          ${problem}`),
  ].join("\n");
}
