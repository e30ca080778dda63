import type { Bench, Run } from "../bench.ts";
import { bookSeats } from "../book-seats.ts";
import { interleave } from "../interleave.ts";
import { lineChart, stackedBars } from "../reporting/charts.ts";
import { roundsBySize } from "../rounds.ts";
import { countedOf, middleOf } from "../runs.ts";
import { spreadText } from "../reporting/numbers.ts";
import type { Findings, Scenario } from "../scenario.ts";
import { serverCpuUs, warmUp } from "../warm-up.ts";

const countsBySize = { full: [1, 2, 4], quick: [1, 2], check: [1, 2] };

/** What more processes cost and bring. */
export const replicas: Scenario = {
  name: "replicas",
  title: "More processes: 1, 2 and 4 replicas",
  how: `Whole systems with as many gateways, reservation and inventory processes each, one after the other in turns, on the same
two cores: more processes can't be faster here once the cores are busy, but they show what sharing the work costs (smaller
batches, more row locks met by two processes), which is what a model of scaling out needs. One Postgres, one payment.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const { rounds, seconds } = roundsBySize[bench.asked.size];
  const { connections } = bench.known;
  await bench.stopSystem();
  const variants = [];
  for (const count of countsBySize[bench.asked.size]) {
    const system = await bench.startSystem({ replicas: { gateway: count, reservation: count, inventory: count } });
    variants.push({ count, system });
  }
  for (const { count, system } of variants) await warmUp(bench, system, { name: `${count} of each, warming up` });
  const runs = await interleave(variants, rounds, ({ count, system }, round) =>
    bookSeats(bench, { label: `${count} of each, ${round + 1}`, system, connections, seconds, place: "eighty" }),
  );
  const all = variants.map(({ count }, index) => ({ count, runs: runs[index]! }));
  return { figures: [], tables: [table(all)], charts: charts(all, connections) };
}

type Measured = { count: number; runs: Run[] }[];

function table(all: Measured) {
  return {
    title: "By number of replicas; processor time without the generator's",
    columns: ["replicas", "succeeded/s", "p99 ms", "µs a hold", ...componentsOf(all).map((name) => `${name} µs`)],
    rows: all.map(({ count, runs }) => [
      count,
      spreadText(
        countedOf(runs, (run) => run.heldPerSecond),
        "/s",
      ),
      middleOf(runs, (run) => run.latencies["held"]?.p99),
      middleOf(runs, (run) => serverCpuUs(run.cpuUsPerHeld)),
      ...componentsOf(all).map((name) => middleOf(runs, (run) => run.cpuUsPerHeld[name])),
    ]),
  };
}

function charts(all: Measured, connections: number) {
  const x = { name: "replicas of gateway, reservation and inventory each" };
  return [
    lineChart({
      name: "throughput",
      title: `Holds a second by number of replicas on the same cores, ${connections} connections`,
      categories: all.map(({ count }) => count),
      x,
      y: { name: "successful holds/s" },
      lines: [
        { name: "holds/s", points: all.map(({ count, runs }) => [count, middleOf(runs, (run) => run.heldPerSecond)]) },
      ],
    }),
    stackedBars({
      name: "processor",
      title: "Processor time of one hold by number of replicas",
      bars: all.map(({ count }) => count),
      x,
      y: { name: "µs for each successful hold" },
      parts: componentsOf(all).map((name) => ({
        name,
        values: all.map(({ runs }) => Math.round(middleOf(runs, (run) => run.cpuUsPerHeld[name]))),
      })),
    }),
  ];
}

function componentsOf(all: Measured): string[] {
  return Object.keys(all[0]?.runs[0]?.cpuUsPerHeld ?? {}).filter((name) => name !== "generator");
}
