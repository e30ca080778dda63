import { availableParallelism } from "node:os";
import type { Bench, Run } from "../bench.ts";
import { capacityOf } from "../capacity-of.ts";
import { settleDatabase } from "../database.ts";
import { lineChart } from "../reporting/charts.ts";
import { numberText } from "../reporting/numbers.ts";
import { boundText, countedOf } from "../runs.ts";
import { openSales, quantity, requestsOf } from "../sales.ts";
import type { Figure, Findings, Scenario } from "../scenario.ts";
import { warmUp } from "../warm-up.ts";

const aMillion = 1_000_000;

/** A million buyers, each with seats in the end. */
export const million: Scenario = {
  name: "million",
  title: "A million requests",
  how: `So many individual requests, each with its own reservation id and its own customer, in a closed loop: events of 80 areas
of 400 seats one after another, each sold out to the last seat. Every request must succeed; one that is told to come back
does so with the same id. The time is from the first request to the last final answer. \`make bench-million\` sends a
million; \`make bench\` fewer, and then there is no figure.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const { millionRequests: requests } = bench.asked;
  const system = await bench.system();
  await warmUp(bench, system);
  // For the number of connections with which most was reached.
  await capacityOf(bench, system);
  const { connections } = bench.known;
  const sales = await openSales(system, "eighty", Math.ceil(requests / requestsOf("eighty")));
  await settleDatabase(system.sql);
  const name = `${numberText(requests)} requests`;
  const run = await bench.run(
    name,
    system,
    {
      kind: "closed",
      requestsMax: requests,
      durationMs: 3_600_000,
      connections,
      sessions: requests,
      triesMax: 60,
      wishes: { sales, quantity },
    },
    { wrongWith: ({ held }) => (held === requests ? [] : [`${held} of ${requests} requests succeeded`]) },
  );
  const memory = Object.entries(run.peakMb).map(([component, mb]): [string, number] => [component, Math.round(mb)]);
  return {
    figures: figuresOf(run, requests),
    tables: [
      {
        title: `${name}, each answered once`,
        columns: ["connections", "succeeded", "seconds", "succeeded/s", "p50 ms", "p99 ms", "asked again"],
        rows: [
          [
            connections,
            run.held,
            run.elapsedMs / 1_000,
            run.heldPerSecond,
            run.overall?.p50 ?? 0,
            run.overall?.p99 ?? 0,
            Object.values(run.again).reduce((sum, count) => sum + count, 0),
          ],
        ],
      },
      {
        title: "Memory of the largest process of each component so far, MB",
        columns: ["component", "MB"],
        rows: memory,
      },
    ],
    charts: [rateChart(run, name)],
  };
}

function figuresOf(run: Run, requests: number): Figure[] {
  if (requests < aMillion) return [];
  const values = countedOf([run], ({ elapsedMs }) => (elapsedMs / 1_000) * (aMillion / requests));
  return [{ id: "million", values, note: `${run.held} succeeded. ${boundText([run], availableParallelism())}` }];
}

function rateChart({ timeline: { bucketMs, counts } }: Run, name: string) {
  const perSecond = Math.round(1_000 / bucketMs);
  const seconds: number[] = [];
  for (const [index, count] of (counts["held"] ?? []).entries()) {
    const second = Math.floor(index / perSecond);
    seconds[second] = (seconds[second] ?? 0) + count;
  }
  return lineChart({
    name: "rate",
    title: `${name}: successful holds in each second`,
    x: { name: "seconds" },
    y: { name: "successful holds/s" },
    // The last second is not a whole one.
    lines: [{ name: "holds/s", points: seconds.slice(0, -1).map((count, second) => [second, count]) }],
  });
}
