// What a set of runs says; void ones say nothing.

import type { Run } from "./bench.ts";
import { rangeText } from "./reporting/numbers.ts";
import { medianOf } from "./statistics.ts";
import { serverCpuUs } from "./warm-up.ts";

/** Returns one value a run, undefined for void ones. */
export function valuesOf(runs: readonly Run[], value: (run: Run) => number | undefined): (number | undefined)[] {
  return runs.map((run) => (run.wrong.length > 0 ? undefined : value(run)));
}

/** Returns one value for each run that counts. */
export function countedOf(runs: readonly Run[], value: (run: Run) => number | undefined): number[] {
  return valuesOf(runs, value).filter((each) => each !== undefined);
}

/** Returns the median over the runs that count; NaN where none does. */
export function middleOf(runs: readonly Run[], value: (run: Run) => number | undefined): number {
  const values = countedOf(runs, value);
  return values.length === 0 ? NaN : medianOf(values);
}

/** Returns `lowest – highest` over the runs that count. */
export function rangeOf(runs: readonly Run[], value: (run: Run) => number | undefined): string {
  return rangeText(countedOf(runs, value));
}

/** Returns the item with the highest value; one without a value (NaN) only where none has one. */
export function bestBy<T>(items: readonly T[], value: (item: T) => number): T {
  const orLeast = (item: T) => (Number.isNaN(value(item)) ? -Infinity : value(item));
  return items.reduce((best, item) => (orLeast(item) > orLeast(best) ? item : best));
}

/** Returns what the runs' processor time went into, for each request that succeeded: `gateway 41, postgres 30, …` in µs. */
export function cpuText(runs: readonly Run[]): string {
  const names = Object.keys(runs[0]?.cpuUsPerHeld ?? {});
  return names
    .map((name) => ({ name, spent: middleOf(runs, (run) => run.cpuUsPerHeld[name]) }))
    .filter(({ spent }) => spent >= 0.5)
    .sort((a, b) => b.spent - a.spent)
    .map(({ name, spent }) => `${name} ${spent.toFixed(0)}`)
    .join(", ");
}

/** Returns a sentence on what bounds such runs on a machine with so many cores. */
export function boundText(runs: readonly Run[], cores: number): string {
  const busy = middleOf(runs, (run) => run.coresBusy.all);
  const others = middleOf(runs, (run) => run.coresBusy.others);
  const share = `${busy.toFixed(2)} of ${cores} cores were busy (${others.toFixed(2)} of it with other things than this system)`;
  const why = busy >= 0.9 * cores ? "bounded by the processor" : "bounded by waiting for commits and hops";
  const spent = `${middleOf(runs, (run) => serverCpuUs(run.cpuUsPerHeld)).toFixed(0)} µs a success without the generator`;
  return `${share}: ${why}; ${spent}; in µs: ${cpuText(runs)}.`;
}
