import type { Bench, Run } from "../bench.ts";
import { bookSeats } from "../book-seats.ts";
import { capacityOf } from "../capacity-of.ts";
import { settleDatabase } from "../database.ts";
import { goalOf } from "../goals.ts";
import { interleave } from "../interleave.ts";
import { lineChart, type Chart } from "../reporting/charts.ts";
import { countedOf, middleOf, valuesOf } from "../runs.ts";
import { openSales, quantity, requestsOf } from "../sales.ts";
import type { Figure, Findings, Scenario, Table } from "../scenario.ts";
import type { BenchSystem } from "../system.ts";
import { warmUp } from "../warm-up.ts";

const bySize = {
  full: { rounds: 3, seconds: 12, loads: [0.5, 0.8, 1, 2, 4, 10], usualLoads: [0.5, 0.8, 1, 1.5, 2] },
  quick: { rounds: 1, seconds: 3, loads: [1, 10], usualLoads: [1, 2] },
  check: { rounds: 1, seconds: 3, loads: [1, 10], usualLoads: [] },
};
const connections = 8_192;
const worst = 10;

/** A database that is far slower than the gateway, as when gateways have been scaled out and one area is wanted by all. */
const slowBackend = { inventory: { BATCH_ITEMS_MAX: "2", BATCHES_IN_FLIGHT_MAX: "1" } };

/** What is left of a system to which ten times too many come. */
export const overload: Scenario = {
  name: "overload",
  title: "Ten times more than it can do",
  how: `Two cores can't send ten times what they can do: a refusal costs the generator and the gateway tens of microseconds, so
nine of them for each hold would take more time than the hold, whatever the gateway's overload control did. Ten times are
therefore offered to a system whose database is the bottleneck, as it is once gateways have been scaled out: inventory's
transactions hold two items and run one at a time. The usual system, which the processor bounds, is offered up to twice its
capacity beside it; what it loses there is what the refusals and the generator cost, and it is not part of the figure.
Capacity is what a closed loop gets. Then, in turns, an open loop offers shares and multiples of it over 8,192 connections;
buyers who are refused don't come back. Goodput is successful holds a second, the peak is the best of any offered load of the
same round, and latencies count from when a request was due.`,
  measure,
};

type Variant = { name: string; system: BenchSystem; capacity: number; load: number };
type Offered = Variant & { runs: Run[] };

async function measure(bench: Bench): Promise<Findings> {
  const { rounds, seconds, loads, usualLoads } = bySize[bench.asked.size];
  const variants: Variant[] = [];
  if (usualLoads.length > 0) {
    const system = await bench.system();
    await warmUp(bench, system);
    const capacity = await capacityOf(bench, system);
    variants.push(...usualLoads.map((load) => ({ name: "processor-bound", system, capacity, load })));
  }
  const slow = await bench.startSystem({ settings: slowBackend });
  await warmUp(bench, slow, { name: "slow database, warming up", connections: 64 });
  const capacity = await capacityOfSlow(bench, slow, seconds);
  variants.push(...loads.map((load) => ({ name: "database-bound", system: slow, capacity, load })));
  const runs = await interleave(variants, rounds, (variant, round) => offer(bench, variant, { seconds, round }));
  const all = variants.map((variant, index): Offered => ({ ...variant, runs: runs[index]! }));
  const figures = figuresOf(all.filter(({ system }) => system === slow));
  return { figures, tables: [tableOf(all)], charts: [goodputChart(all)] };
}

async function capacityOfSlow(bench: Bench, system: BenchSystem, seconds: number): Promise<number> {
  const booking = { label: "capacity, slow database", system, connections: 64, seconds, place: "eighty" as const };
  return (await bookSeats(bench, booking)).heldPerSecond;
}

async function offer(
  bench: Bench,
  { name, system, capacity, load }: Variant,
  { seconds, round }: { seconds: number; round: number },
): Promise<Run> {
  const ratePerSecond = Math.round(load * capacity);
  const requests = ratePerSecond * seconds;
  const sales = await openSales(system, "eighty", Math.ceil(requests / requestsOf("eighty")));
  await settleDatabase(system.sql);
  return await bench.run(`${name}, ${load} × capacity, ${round + 1}`, system, {
    kind: "open",
    ratePerSecond,
    durationMs: seconds * 1_000,
    connections,
    sessions: requests,
    wishes: { sales, quantity },
  });
}

function figuresOf(slow: Offered[]): Figure[] {
  const rates = slow.map(({ runs }) => valuesOf(runs, (run) => run.heldPerSecond));
  const { capacity, runs } = slow.find(({ load }) => load === worst)!;
  const goodput = valuesOf(runs, (run) => run.heldPerSecond).flatMap((rate, round) => {
    const peak = Math.max(...rates.map((each) => each[round] ?? 0));
    return rate === undefined || peak === 0 ? [] : [rate / peak];
  });
  const counts = Object.keys(runs[0]?.counts ?? {})
    .map((answer) => `${middleOf(runs, (run) => run.counts[answer] ?? 0)} ${answer}`)
    .join(", ");
  const offered = middleOf(runs, (run) => run.answeredPerSecond).toFixed(0);
  const p99 = middleOf(runs, (run) => run.latencies["held"]?.p99).toFixed(0);
  return [
    {
      id: "goodput",
      values: goodput,
      note: `Capacity ${capacity.toFixed(0)}/s; at ten times, ${offered}/s were really offered: ${counts}. p99 of those who got seats: ${p99} ms.`,
    },
    {
      id: "refusal-p99",
      values: countedOf(runs, (run) => run.latencies["OVERLOADED"]?.p99),
      note: `Late leaving, which is part of it: p99 ${middleOf(runs, (run) => run.lateness?.p99).toFixed(1)} ms; ${middleOf(runs, (run) => run.coresBusy.all).toFixed(2)} cores busy.`,
    },
  ];
}

function tableOf(all: Offered[]): Table {
  const values: ((run: Run) => number | undefined)[] = [
    (run) => run.answeredPerSecond,
    (run) => run.heldPerSecond,
    (run) => run.latencies["held"]?.p50,
    (run) => run.latencies["held"]?.p99,
    (run) => run.counts["OVERLOADED"] ?? 0,
    (run) => run.latencies["OVERLOADED"]?.p99 ?? 0,
    (run) => run.cpuUsPerAnswer["gateway"],
    (run) => run.coresBusy.all,
  ];
  return {
    title: "Medians of the rounds",
    columns: [
      ...["system", "× capacity", "offered/s", "goodput/s", "held p50 ms", "held p99 ms"],
      ...["refused", "refusals p99 ms", "gateway µs an answer", "cores busy"],
    ],
    rows: all.map(({ name, load, runs }) => [name, load, ...values.map((value) => middleOf(runs, value))]),
  };
}

function goodputChart(all: Offered[]): Chart {
  return lineChart({
    name: "goodput",
    title: "Goodput over offered load",
    x: { name: "requests offered ÷ capacity" },
    y: { name: "successful holds ÷ capacity" },
    lines: [...new Set(all.map(({ name }) => name))].map((name) => ({
      name,
      points: all
        .filter((each) => each.name === name)
        .map(({ capacity, runs }): [number, number] => [
          middleOf(runs, (run) => run.answeredPerSecond) / capacity,
          middleOf(runs, (run) => run.heldPerSecond) / capacity,
        ]),
    })),
    marks: [{ name: "must", value: goalOf("goodput").must }],
  });
}
