import { availableParallelism } from "node:os";
import type { Bench, Run } from "../bench.ts";
import { settleDatabase } from "../database.ts";
import { boundText, countedOf, middleOf } from "../runs.ts";
import { openSales, quantity, requestsOf } from "../sales.ts";
import type { Findings, Scenario } from "../scenario.ts";
import type { BenchSystem } from "../system.ts";
import { warmUp } from "../warm-up.ts";

const bySize = {
  full: { rounds: 3, checkouts: 6_000, warmUp: 6_000 },
  quick: { rounds: 1, checkouts: 1_000, warmUp: 500 },
  check: { rounds: 1, checkouts: 1_000, warmUp: 500 },
};
const connections = 256;

/** How many bookings are paid a second. */
export const checkouts: Scenario = {
  name: "checkouts",
  title: "Checkouts",
  how: `Seats are held first, outside the measurement; then each reservation is checked out, in a closed loop over 256
connections: authorise at the sandbox provider (HTTP, a process of its own), confirm the seats, capture, write the ledger.
An answer counts when it says that the booking is confirmed; IN_PROGRESS is asked again. SQL afterwards must find each
acknowledged booking confirmed, its seats sold, its payment captured once and in full, and a ledger that balances.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const { rounds, checkouts: count, warmUp: warmUpCount } = bySize[bench.asked.size];
  const system = await bench.system();
  await warmUp(bench, system);
  await pay(bench, system, { label: "checkouts, warming up", count: warmUpCount });
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    runs.push(await pay(bench, system, { label: `checkouts, ${round}`, count }));
  }
  const paid = `${middleOf(runs, (run) => run.held)} of ${middleOf(runs, (run) => run.answered)} checkouts succeeded`;
  const p99 = middleOf(runs, (run) => run.latencies["confirmed"]?.p99);
  return {
    figures: [
      {
        id: "checkouts",
        values: countedOf(runs, (run) => run.heldPerSecond),
        note: `${paid}, p99 ${p99.toFixed(0)} ms. ${boundText(runs, availableParallelism())}`,
      },
    ],
    tables: [],
    charts: [],
  };
}

async function pay(
  bench: Bench,
  system: BenchSystem,
  { label, count }: { label: string; count: number },
): Promise<Run> {
  const sales = await openSales(system, "eighty", Math.ceil(count / requestsOf("eighty")));
  await settleDatabase(system.sql);
  return await bench.run(label, system, {
    ask: "checkouts",
    kind: "closed",
    requestsMax: count,
    durationMs: 600_000,
    connections,
    sessions: count,
    triesMax: 20,
    wishes: { sales, quantity },
  });
}
