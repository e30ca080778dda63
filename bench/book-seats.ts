// The load that most scenarios share: buyers who reserve the two best seats, in a closed loop, while seats last.

import type { Bench, Run } from "./bench.ts";
import { settleDatabase } from "./database.ts";
import { openSales, quantity, requestsOf, type Place } from "./sales.ts";
import type { BenchSystem } from "./system.ts";

/** How to book. */
export type Booking = { label: string; system: BenchSystem; connections: number; seconds: number; place: Place };

/** Room for runs that turn out faster than any before. */
const headroom = 1.7;
const triesMax = 3;

/**
 * Books seats for some seconds on fresh sales, after `analyze` and a checkpoint. A run that sold out is no measure of
 * anything, and is made again with more seats.
 */
export async function bookSeats(bench: Bench, { label, system, connections, seconds, place }: Booking): Promise<Run> {
  for (let tries = 1; ; tries += 1) {
    const requests = Math.ceil(bench.known.fastestPerSecond * headroom * seconds) + connections;
    const sales = await openSales(system, place, Math.ceil(requests / requestsOf(place)));
    await settleDatabase(system.sql);
    const isSoldOut = (run: Run) => run.counts["SOLD_OUT"] !== undefined;
    const run = await bench.run(
      label,
      system,
      {
        kind: "closed",
        requestsMax: Infinity,
        durationMs: seconds * 1_000,
        connections,
        sessions: requests,
        wishes: { sales, quantity },
      },
      {
        isVain: (done) => isSoldOut(done) && tries < triesMax,
        wrongWith: (done) => (isSoldOut(done) ? ["sold out before its time"] : []),
      },
    );
    bench.known.fastestPerSecond = Math.max(bench.known.fastestPerSecond, run.answeredPerSecond);
    if (!isSoldOut(run) || tries === triesMax) return run;
    bench.say("    sold out before its time: again, with more seats");
  }
}
