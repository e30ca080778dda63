// `make bench`: measures what it is asked to, writes the report, and fails where a run is void or something broke. Figures
// that are not reached are for the report to say.

import { build } from "#stack/build";
import { parseArguments } from "./arguments.ts";
import { createBench } from "./bench.ts";
import { measureAll } from "./measure-all.ts";
import { scenarios } from "./scenarios/all.ts";

const parsed = parseArguments(
  process.argv.slice(2),
  scenarios.map(({ name }) => name),
);
if (parsed.kind === "wrong") {
  console.error(`make bench: ${parsed.message}`);
  process.exitCode = 2;
} else {
  const bench = createBench(parsed.asked);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void bench.stop().finally(() => process.exit(130)));
  }
  try {
    // Once: what is edited meanwhile must not be measured beside what it replaces.
    await build();
    const problems = await measureAll(bench, scenarios);
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    await bench.stop();
  }
}
