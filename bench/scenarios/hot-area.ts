import type { Bench } from "../bench.ts";
import { bookSeats } from "../book-seats.ts";
import { interleave, ratiosOf } from "../interleave.ts";
import { roundsBySize } from "../rounds.ts";
import { cpuText, middleOf, valuesOf } from "../runs.ts";
import type { Findings, Scenario } from "../scenario.ts";
import { warmUp } from "../warm-up.ts";

/** Whether one area that everybody wants is as fast as eighty. */
export const hotArea: Scenario = {
  name: "hot-area",
  title: "One hot area",
  how: `The same load, in turn on 80 areas and on a single one: a seated area of 20,000 seats, the largest there may be, so
that its seat map is the largest too. When one is sold out, the next event's takes over.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const { rounds, seconds, warmUpSeconds } = roundsBySize[bench.asked.size];
  const system = await bench.system();
  await warmUp(bench, system);
  const { connections } = bench.known;
  const book = (place: "eighty" | "hot", label: string, forSeconds = seconds) =>
    bookSeats(bench, { label, system, connections, seconds: forSeconds, place });
  await book("hot", "hot area, warming up", warmUpSeconds);
  const [eighty, hot] = await interleave(["eighty", "hot"] as const, rounds, (place, round) =>
    book(place, `${place === "hot" ? "hot area" : "80 areas"}, ${round + 1}`),
  );
  const rate = (runs: typeof eighty) => valuesOf(runs!, (run) => run.heldPerSecond);
  const middle = (runs: typeof eighty) => middleOf(runs!, (run) => run.heldPerSecond).toFixed(0);
  return {
    figures: [
      {
        id: "hot-area",
        values: ratiosOf(rate(hot), rate(eighty)),
        note: `${middle(hot)} successful holds/s in one area, ${middle(eighty)} in 80, over ${connections} connections. Processor time of a hold in the hot area, µs: ${cpuText(hot!)}.`,
      },
    ],
    tables: [],
    charts: [],
  };
}
