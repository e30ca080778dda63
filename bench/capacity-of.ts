// The usual system's capacity, for scenarios that offer a share of it.

import type { Bench } from "./bench.ts";
import { bookSeats } from "./book-seats.ts";
import { roundsBySize } from "./rounds.ts";
import type { BenchSystem } from "./system.ts";

/** Returns successful holds a second: what the scenario `capacity` found, or one run's where it was not asked for. */
export async function capacityOf(bench: Bench, system: BenchSystem): Promise<number> {
  const { seconds } = roundsBySize[bench.asked.size];
  const { connections } = bench.known;
  bench.known.capacityPerSecond ??= (
    await bookSeats(bench, { label: "capacity", system, connections, seconds, place: "eighty" })
  ).heldPerSecond;
  return bench.known.capacityPerSecond;
}
