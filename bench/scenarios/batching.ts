import type { Bench, Run } from "../bench.ts";
import { bookSeats } from "../book-seats.ts";
import { interleave, ratiosOf } from "../interleave.ts";
import { roundsBySize } from "../rounds.ts";
import { bestBy, cpuText, middleOf, valuesOf } from "../runs.ts";
import type { Findings, Scenario } from "../scenario.ts";
import type { BenchSystem } from "../system.ts";
import { warmUp } from "../warm-up.ts";

/** A batch of one everywhere, and as many of them at once as there may be, so that nothing but batching is taken away. */
const single = {
  gateway: { BATCH_ITEMS_MAX: "1", BATCH_IN_FLIGHT_MAX: "100" },
  reservation: { BATCH_ITEMS_MAX: "1", BATCHES_IN_FLIGHT_MAX: "100" },
  inventory: { BATCH_ITEMS_MAX: "1" },
};
const singleConnectionsBySize = { full: [8, 32, 128], quick: [32], check: [32] };

/** What group commit is worth. */
export const batching: Scenario = {
  name: "batching",
  title: "Batched and one by one",
  how: `Two whole systems take turns on a hot area: the usual one, and one whose batches at gateway, reservation and inventory
hold a single item. That one may run 100 batches at once at gateway and reservation, so that no limit but the batch's size
slows it down; at the area itself at most two transactions run at a time in both, since more would wait for the area's row lock.
It has its own best number of connections, since more than it can use only make it slower.`,
  measure,
};

type Variant = { name: string; system: BenchSystem; connections: number };

async function measure(bench: Bench): Promise<Findings> {
  const { size } = bench.asked;
  const { rounds, seconds } = roundsBySize[size];
  const batched = await bench.system();
  const oneByOne = await bench.startSystem({ settings: single });
  await warmUp(bench, batched);
  await warmUp(bench, oneByOne, { name: "one by one, warming up", connections: singleConnectionsBySize[size][0]! });
  const variants: Variant[] = [
    { name: "batched", system: batched, connections: bench.known.connections },
    ...singleConnectionsBySize[size].map((connections) => ({ name: "one by one", system: oneByOne, connections })),
  ];
  const [many, ...singles] = await interleave(variants, rounds, ({ name, system, connections }, round) => {
    const label = `${name}, ${connections} connections, ${round + 1}`;
    return bookSeats(bench, { label, system, connections, seconds, place: "hot" });
  });
  const rate = (run: Run) => run.heldPerSecond;
  const one = bestBy(singles, (runs) => middleOf(runs, rate));
  const best = variants[1 + singles.indexOf(one)]!;
  return {
    figures: [
      {
        id: "batching",
        values: ratiosOf(valuesOf(many!, rate), valuesOf(one, rate)),
        note: `${middleOf(many!, rate).toFixed(0)} successful holds/s batched over ${bench.known.connections} connections, ${middleOf(one, rate).toFixed(0)} one by one over ${best.connections}. Processor time of a hold one by one, µs: ${cpuText(one)}.`,
      },
    ],
    tables: [],
    charts: [],
  };
}
