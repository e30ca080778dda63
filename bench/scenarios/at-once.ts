import type { Bench, Run } from "../bench.ts";
import { settleDatabase } from "../database.ts";
import type { Load } from "../run-load.ts";
import { lineChart } from "../reporting/charts.ts";
import { countedOf, middleOf } from "../runs.ts";
import { openSales, quantity } from "../sales.ts";
import type { Findings, Scenario } from "../scenario.ts";
import type { BenchSystem } from "../system.ts";
import { warmUp } from "../warm-up.ts";

const requests = 50_000;
const connections = 2_048;
const roundsBySize = { full: 3, quick: 1, check: 1 };

/** The minute when a sale opens: everybody comes at once, a third gets seats. */
export const atOnce: Scenario = {
  name: "at-once",
  title: "50,000 at once",
  how: `50,000 requests for two seats each of an event with 80 areas of 400 seats, all due before the first is sent, over
2,048 connections: what finds no connection free waits in the generator, and its latency runs. OVERLOADED is not a final
answer: the buyer waits as long as RetryInfo says and asks again with the same id, and the latency runs on. In the end
exactly 16,000 requests must have got seats, which is every seat, and all others must have been told SOLD_OUT.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const system = await bench.system();
  await warmUp(bench, system);
  const runs: Run[] = [];
  for (let round = 1; round <= roundsBySize[bench.asked.size]; round += 1) runs.push(await rush(bench, system, round));
  const again = middleOf(runs, (run) => Object.values(run.again).reduce((sum, count) => sum + count, 0));
  const held = middleOf(runs, (run) => run.held);
  const success = `${held} of ${requests} requests succeeded, which is every seat; ${again} answers said to come back.`;
  return {
    figures: [
      { id: "at-once-last", values: countedOf(runs, (run) => run.elapsedMs / 1_000), note: success },
      {
        id: "at-once-p99",
        values: countedOf(runs, (run) => (run.overall ? run.overall.p99 / 1_000 : undefined)),
        note: `Of all final answers. Those who got seats: p50 ${seconds(runs, (run) => run.latencies["held"]?.p50)}, p99 ${seconds(runs, (run) => run.latencies["held"]?.p99)}; those who did not: p50 ${seconds(runs, (run) => run.latencies["SOLD_OUT"]?.p50)}.`,
      },
    ],
    tables: [],
    charts: [answersChart(runs.at(-1)!)],
  };
}

async function rush(bench: Bench, system: BenchSystem, round: number): Promise<Run> {
  const [sale] = await openSales(system, "eighty", 1);
  await settleDatabase(system.sql);
  const load: Load = {
    kind: "atOnce",
    requests,
    connections,
    sessions: requests,
    triesMax: 60,
    wishes: { sales: [sale!], quantity },
  };
  return await bench.run(`50,000 at once, ${round}`, system, load, {
    wrongWith: ({ counts }) =>
      Object.entries({ held: sale!.requests, SOLD_OUT: requests - sale!.requests }).flatMap(([answer, count]) =>
        counts[answer] === count ? [] : [`${counts[answer] ?? 0} were answered ${answer}, not ${count}`],
      ),
  });
}

function seconds(runs: Run[], milliseconds: (run: Run) => number | undefined): string {
  return `${(middleOf(runs, milliseconds) / 1_000).toFixed(2)} s`;
}

function answersChart({ timeline: { bucketMs, counts } }: Run) {
  const longest = Math.max(...Object.values(counts).map((buckets) => buckets.length));
  return lineChart({
    name: "answers",
    title: "50,000 requests at once: final answers over time",
    x: { name: "seconds since the first was sent" },
    y: { name: "final answers so far" },
    lines: Object.entries(counts).map(([name, buckets]) => {
      let sum = 0;
      const points = Array.from({ length: longest }, (_, index): [number, number] => [
        ((index + 1) * bucketMs) / 1_000,
        (sum += buckets[index] ?? 0),
      ]);
      return { name: name === "held" ? "got seats" : name, points: [[0, 0], ...points], filled: true };
    }),
  });
}
