import type { Bench, Run } from "../bench.ts";
import type { Told } from "../check.ts";
import { bookSeats } from "../book-seats.ts";
import { settleDatabase } from "../database.ts";
import { interleave, ratiosOf } from "../interleave.ts";
import type { Sale } from "../load/requests.ts";
import { roundsBySize } from "../rounds.ts";
import { middleOf, valuesOf } from "../runs.ts";
import { openSales, quantity } from "../sales.ts";
import type { Findings, Scenario } from "../scenario.ts";
import type { BenchSystem } from "../system.ts";
import { warmUp } from "../warm-up.ts";

/** More seats a request, to be sold out sooner; rows of 20 seats fill up without a rest. */
const sellOutQuantity = 4;

/** Whether "sold out" is said at least as fast as "yours". */
export const refusals: Scenario = {
  name: "refusals",
  title: "Sold out",
  how: `In turn: holds on sales that have seats, and the same requests on an event of 80 areas of which every seat is held.
Requests say that they are the first attempt, as clients do that have just made their id: the gateway may then answer from
what it remembers, for a second at most, of a sold-out area. A refusal counts when it says SOLD_OUT; the check afterwards shows that the sold-out event holds what it held before.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const { rounds, seconds, warmUpSeconds } = roundsBySize[bench.asked.size];
  const system = await bench.system();
  await warmUp(bench, system);
  const { connections } = bench.known;
  const soldOut = await sellOut(bench, system);
  const ask = (label: string, forSeconds = seconds) =>
    askForGone(bench, system, { soldOut, label, seconds: forSeconds });
  await ask("refusals, warming up", warmUpSeconds);
  const [holds, refused] = await interleave(["holds", "refusals"] as const, rounds, (kind, round) =>
    kind === "holds"
      ? bookSeats(bench, { label: `holds, ${round + 1}`, system, connections, seconds, place: "eighty" })
      : ask(`refusals, ${round + 1}`),
  );
  const refusedPerSecond = (run: Run) => ((run.counts["SOLD_OUT"] ?? 0) * 1_000) / run.elapsedMs;
  const heldPerSecond = (run: Run) => run.heldPerSecond;
  return {
    figures: [
      {
        id: "refusals",
        values: ratiosOf(valuesOf(refused!, refusedPerSecond), valuesOf(holds!, heldPerSecond)),
        note: `${middleOf(refused!, refusedPerSecond).toFixed(0)} refusals/s (p99 ${middleOf(refused!, (run) => run.latencies["SOLD_OUT"]?.p99).toFixed(0)} ms), ${middleOf(holds!, heldPerSecond).toFixed(0)} successful holds/s, over ${connections} connections.`,
      },
    ],
    tables: [],
    charts: [],
  };
}

type SoldOut = { sale: Sale; told: Told };

async function sellOut(bench: Bench, system: BenchSystem): Promise<SoldOut> {
  const [sale] = await openSales(system, "eighty", 1);
  const requests = (sale!.requests * quantity) / sellOutQuantity;
  const run = await bench.run("selling out", system, {
    kind: "closed",
    requestsMax: requests,
    durationMs: 600_000,
    connections: 256,
    sessions: requests,
    triesMax: 20,
    keepsTold: true,
    wishes: { sales: [sale!], quantity: sellOutQuantity },
  });
  if (run.held !== requests) throw new Error(`${run.held} of ${requests} requests sold the event out`);
  return { sale: sale!, told: run.told! };
}

async function askForGone(
  bench: Bench,
  system: BenchSystem,
  { soldOut, label, seconds }: { soldOut: SoldOut; label: string; seconds: number },
): Promise<Run> {
  await settleDatabase(system.sql);
  return await bench.run(label, system, {
    kind: "closed",
    requestsMax: Infinity,
    durationMs: seconds * 1_000,
    connections: bench.known.connections,
    sessions: Math.ceil(bench.known.fastestPerSecond * seconds * 2),
    wishes: { sales: [soldOut.sale], quantity },
    before: soldOut.told,
  });
}
