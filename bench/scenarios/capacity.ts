import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Bench, Run } from "../bench.ts";
import { bookSeats } from "../book-seats.ts";
import { goalOf } from "../goals.ts";
import { interleave, ratiosOf } from "../interleave.ts";
import type { Load, LoadTarget } from "../run-load.ts";
import { lineChart, stackedBars } from "../reporting/charts.ts";
import { roundsBySize } from "../rounds.ts";
import { bestBy, boundText, countedOf, middleOf, rangeOf, valuesOf } from "../runs.ts";
import { quantity } from "../sales.ts";
import type { Findings, Scenario, Table } from "../scenario.ts";
import { serverCpuUs, warmUp } from "../warm-up.ts";
import { startBareHttp } from "../start-servers.ts";

const connectionsBySize = { full: [64, 128, 256, 512, 1_024, 2_048], quick: [64, 512], check: [512] };
const bareConnectionsBySize = { full: [64, 512], quick: [64], check: [64] };

/** How many holds a second, beside a server that does nothing but JSON. */
export const capacity: Scenario = {
  name: "capacity",
  title: "Capacity, 80 areas",
  how: `Closed loop: each connection sends its next request when the last is answered. Every request reserves the two best
seats of one of 80 areas of 400 seats, in turn; as many events follow each other as the run needs, so that nothing sells
out. The bare server (\`bench/servers/bare-http.ts\`) is \`node:http\` that parses the same request and writes an answer as
large; it takes its rounds between the others, from the same generator, and its best number of connections counts.
Processor time is utime and stime from /proc of each component's processes, over the holds that succeeded.`,
  measure,
};

type Variant = { connections: number; bare: boolean };

async function measure(bench: Bench): Promise<Findings> {
  const { size } = bench.asked;
  const { rounds, seconds, warmUpSeconds } = roundsBySize[size];
  const system = await bench.system();
  const bareServer = await startBareHttp(bench);
  await warmUp(bench, system);
  const variants: Variant[] = [
    ...bareConnectionsBySize[size].map((connections) => ({ connections, bare: true })),
    ...connectionsBySize[size].map((connections) => ({ connections, bare: false })),
  ];
  await loadBare(bench, bareServer, { label: "bare, warming up", connections: 64, seconds: warmUpSeconds });
  const runs = await interleave(variants, rounds, ({ connections, bare }, round) => {
    const label = `${bare ? "bare" : "holds"}, ${connections} connections, ${round + 1}`;
    if (bare) return loadBare(bench, bareServer, { label, connections, seconds });
    return bookSeats(bench, { label, system, connections, seconds, place: "eighty" });
  });
  return findingsOf(bench, variants, runs);
}

function findingsOf(bench: Bench, variants: Variant[], runs: Run[][]): Findings {
  const all = variants.map((variant, index) => ({ ...variant, runs: runs[index]! }));
  const held = all.filter(({ bare }) => !bare);
  const rateOf = ({ runs: of }: { runs: Run[] }) => middleOf(of, (run) => run.heldPerSecond);
  const best = bestBy(held, rateOf);
  const bare = bestBy(
    all.filter((each) => each.bare),
    rateOf,
  );
  bench.known.capacityPerSecond = rateOf(best);
  bench.known.connections = best.connections;
  const rates = valuesOf(best.runs, (run) => run.heldPerSecond);
  const bareRates = valuesOf(bare.runs, (run) => run.heldPerSecond);
  const bound = boundText(best.runs, availableParallelism());
  return {
    figures: [
      {
        id: "holds",
        values: rates.filter((rate) => rate !== undefined),
        note: `${best.connections} connections, where ${rangeOf(best.runs, (run) => run.held)} of ${rangeOf(best.runs, (run) => run.answered)} requests succeeded in a round. ${bound}`,
      },
      {
        id: "holds-vs-bare",
        values: ratiosOf(rates, bareRates),
        note: `Each round's ratio, their median. The bare server answered ${rateOf(bare).toFixed(0)}/s over ${bare.connections} connections.`,
      },
      {
        id: "cpu",
        values: countedOf(best.runs, (run) => serverCpuUs(run.cpuUsPerHeld)),
        note: "By component in the table.",
      },
    ],
    tables: [connectionsTable(all), processorTable(held)],
    charts: chartsOf(held),
  };
}

function connectionsTable(all: (Variant & { runs: Run[] })[]): Table {
  return {
    title: "By number of connections, medians of the rounds",
    columns: [
      ...["", "connections", "requests", "succeeded", "succeeded/s", "p50 ms", "p99 ms"],
      ...["µs each", "cores busy", "of it others"],
    ],
    rows: all.map((each) => [each.bare ? "bare node:http" : "boxoffice", each.connections, ...cellsOf(each.runs)]),
  };
}

function cellsOf(runs: Run[]): number[] {
  const values: ((run: Run) => number | undefined)[] = [
    (run) => run.answered,
    (run) => run.held,
    (run) => run.heldPerSecond,
    (run) => run.latencies["held"]?.p50,
    (run) => run.latencies["held"]?.p99,
    (run) => serverCpuUs(run.cpuUsPerHeld),
    (run) => run.coresBusy.all,
    (run) => run.coresBusy.others,
  ];
  return values.map((value) => middleOf(runs, value));
}

type Held = { connections: number; runs: Run[] };

function processorTable(held: Held[]): Table {
  return {
    title: "Processor time for each hold that succeeded, µs",
    columns: ["component", ...held.map(({ connections }) => `${connections} connections`)],
    rows: componentsOf(held).map((name) => [
      name,
      ...held.map(({ runs }) => middleOf(runs, (run) => run.cpuUsPerHeld[name])),
    ]),
  };
}

function chartsOf(held: Held[]) {
  const categories = held.map(({ connections }) => connections);
  const points = (value: (run: Run) => number | undefined) =>
    held.map(({ connections, runs }): [number, number] => [connections, middleOf(runs, value)]);
  const x = { name: "connections" };
  return [
    lineChart({
      name: "throughput",
      title: "Holds a second by number of connections, 80 areas",
      categories,
      x,
      y: { name: "successful holds/s" },
      lines: [{ name: "holds/s", points: points((run) => run.heldPerSecond) }],
      marks: [
        { name: "must", value: goalOf("holds").must },
        { name: "aim", value: goalOf("holds").aim },
      ],
    }),
    lineChart({
      name: "latency",
      title: "Latency by number of connections, closed loop",
      categories,
      x,
      y: { name: "ms" },
      lines: [
        { name: "p50", points: points((run) => run.latencies["held"]?.p50) },
        { name: "p99", points: points((run) => run.latencies["held"]?.p99) },
      ],
    }),
    stackedBars({
      name: "processor",
      title: "Processor time of one hold by component (the generator is not part of the figure)",
      bars: categories,
      x,
      y: { name: "µs for each successful hold" },
      parts: componentsOf(held).map((name) => ({
        name,
        values: held.map(({ runs }) => Math.round(middleOf(runs, (run) => run.cpuUsPerHeld[name]))),
      })),
      marks: [{ name: "must", value: goalOf("cpu").must }],
    }),
  ];
}

function componentsOf(held: Held[]): string[] {
  return Object.keys(held[0]?.runs[0]?.cpuUsPerHeld ?? {});
}

function loadBare(
  bench: Bench,
  server: LoadTarget,
  { label, connections, seconds }: { label: string; connections: number; seconds: number },
): Promise<Run> {
  const areaIds = Array.from({ length: 80 }, (_, index) => `area-${index}`);
  const load: Load = {
    kind: "closed",
    requestsMax: Infinity,
    durationMs: seconds * 1_000,
    connections,
    sessions: 20_000,
    wishes: { sales: [{ eventId: randomUUID(), areaIds, requests: Infinity }], quantity },
  };
  return bench.run(label, server, load);
}
