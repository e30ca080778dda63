// The usual system's capacity, for scenarios that offer a share of it.

import type { Bench } from "./bench.ts";
import { bookSeats } from "./book-seats.ts";
import { roundsBySize } from "./rounds.ts";
import type { BenchSystem } from "./system.ts";

const connectionsBySize = { full: [512, 1_024, 2_048], quick: [512], check: [512] };

/**
 * Returns successful holds a second over `bench.known.connections`: what the scenario `capacity` found, or, where it was not
 * asked for, the best of one run with each of a few numbers of connections.
 */
export async function capacityOf(bench: Bench, system: BenchSystem): Promise<number> {
  const { size } = bench.asked;
  const { seconds } = roundsBySize[size];
  if (bench.known.capacityPerSecond !== undefined) return bench.known.capacityPerSecond;
  let best = 0;
  for (const connections of connectionsBySize[size]) {
    const label = `capacity, ${connections} connections`;
    const { heldPerSecond } = await bookSeats(bench, { label, system, connections, seconds, place: "eighty" });
    if (heldPerSecond <= best) continue;
    best = heldPerSecond;
    bench.known.connections = connections;
  }
  return (bench.known.capacityPerSecond = best);
}
