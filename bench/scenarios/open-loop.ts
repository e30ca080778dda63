import type { Bench, Run } from "../bench.ts";
import { settleDatabase } from "../database.ts";
import { capacityOf } from "../capacity-of.ts";
import { goalOf } from "../goals.ts";
import type { Latency } from "../load/tally.ts";
import { lineChart } from "../reporting/charts.ts";
import { countedOf, middleOf } from "../runs.ts";
import { openSales, quantity, requestsOf } from "../sales.ts";
import type { Findings, Scenario } from "../scenario.ts";
import type { BenchSystem } from "../system.ts";
import { warmUp } from "../warm-up.ts";

const bySize = {
  full: { rounds: 3, seconds: 20 },
  quick: { rounds: 1, seconds: 4 },
  check: { rounds: 1, seconds: 3 },
};
const connections = 1_024;

/** How long a buyer waits while the system has room. */
export const openLoop: Scenario = {
  name: "open-loop",
  title: "Latency in an open loop",
  how: `Requests are due at a constant rate, whatever the answers do, over 1,024 connections. A latency counts from the moment
that a request was due, not from when it was sent, so that a stall is felt by everyone who would have come meanwhile. The
two rates take turns. "Late" is how late requests left, for want of a connection or of the generator's own time: it is part
of the latency that is reported.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const { rounds, seconds } = bySize[bench.asked.size];
  const system = await bench.system();
  await warmUp(bench, system);
  const seventy = Math.round(0.7 * (await capacityOf(bench, system)));
  const slow: Run[] = [];
  const fast: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    slow.push(await steady(bench, system, { ratePerSecond: 500, seconds, label: `500/s, ${round}` }));
    fast.push(await steady(bench, system, { ratePerSecond: seventy, seconds, label: `${seventy}/s, ${round}` }));
  }
  const p = (key: keyof Latency) => (run: Run) => run.overall?.[key];
  const note = (runs: Run[]) =>
    `${middleOf(runs, (run) => run.held)} of ${middleOf(runs, (run) => run.answered)} requests succeeded; p99 of lateness ${middleOf(runs, (run) => run.lateness?.p99).toFixed(1)} ms; ${middleOf(runs, (run) => run.coresBusy.all).toFixed(2)} cores busy.`;
  return {
    figures: [
      { id: "open-500-p50", values: countedOf(slow, p("p50")), note: note(slow) },
      { id: "open-500-p99", values: countedOf(slow, p("p99")), note: note(slow) },
      { id: "open-70-p99", values: countedOf(fast, p("p99")), note: `${seventy}/s. ${note(fast)}` },
    ],
    tables: [],
    charts: [percentilesChart(slow, fast, seventy)],
  };
}

async function steady(
  bench: Bench,
  system: BenchSystem,
  { ratePerSecond, seconds, label }: { ratePerSecond: number; seconds: number; label: string },
): Promise<Run> {
  const requests = ratePerSecond * seconds;
  const sales = await openSales(system, "eighty", Math.ceil(requests / requestsOf("eighty")));
  await settleDatabase(system.sql);
  return await bench.run(label, system, {
    kind: "open",
    ratePerSecond,
    durationMs: seconds * 1_000,
    connections,
    sessions: requests,
    wishes: { sales, quantity },
  });
}

const percentiles = ["p50", "p90", "p99", "p999", "max"] as const;

function percentilesChart(slow: Run[], fast: Run[], fastRate: number) {
  const points = (runs: Run[]) =>
    percentiles.map((key): [string, number] => [key, middleOf(runs, (run) => run.latencies["held"]?.[key])]);
  return lineChart({
    name: "percentiles",
    title: "Latency from the intended send time, open loop",
    categories: [...percentiles],
    x: { name: "percentile" },
    y: { name: "ms (logarithmic)", scale: "log" },
    lines: [
      { name: "500/s", points: points(slow) },
      { name: `${fastRate}/s (70 % of capacity)`, points: points(fast) },
    ],
    marks: [
      { name: "must p99 500/s", value: goalOf("open-500-p99").must },
      { name: "must p99 70 %", value: goalOf("open-70-p99").must },
    ],
  });
}
