// Warming up: until compilers have compiled what is hot, plans are cached and connections stand, a figure says nothing of
// the system. What settles is the processor time that a hold takes.

import type { Bench } from "./bench.ts";
import { bookSeats } from "./book-seats.ts";
import type { BenchSystem } from "./system.ts";

const bySize = {
  full: { sliceSeconds: 4, slicesMin: 4, slicesMax: 20 },
  quick: { sliceSeconds: 2, slicesMin: 2, slicesMax: 3 },
  check: { sliceSeconds: 2, slicesMin: 2, slicesMax: 2 },
};
/** Settled when a slice took no less than this share of the least that any slice before it took. */
const settledShare = 0.97;

const warm = new WeakSet<BenchSystem>();

/** Sends load until processor time for each hold has settled; returns at once for a system that is warm already. */
export async function warmUp(
  bench: Bench,
  system: BenchSystem,
  { name = "warming up", connections = 256 }: { name?: string; connections?: number } = {},
): Promise<void> {
  if (warm.has(system)) return;
  warm.add(system);
  const { sliceSeconds, slicesMin, slicesMax } = bySize[bench.asked.size];
  let least = Infinity;
  for (let slice = 1; slice <= slicesMax; slice += 1) {
    const booking = { system, connections, seconds: sliceSeconds, place: "eighty" as const };
    const { cpuUsPerHeld } = await bookSeats(bench, { ...booking, label: `${name}, ${slice}` });
    const spent = serverCpuUs(cpuUsPerHeld);
    if (slice >= slicesMin && spent >= settledShare * least) return;
    least = Math.min(least, spent);
  }
}

/** Returns the sum of all components but the generator. */
export function serverCpuUs(cpuUs: Record<string, number>): number {
  return Object.entries(cpuUs).reduce((sum, [name, spent]) => (name === "generator" ? sum : sum + spent), 0);
}
