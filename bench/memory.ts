// Memory over time: what every component's largest process has resident, and what the services' heaps use.

import type { BenchSystem } from "./system.ts";
import { trendOf } from "./statistics.ts";
import { readUsage } from "./usage.ts";

/** Megabytes by component, `seconds` after the start. */
export type MemorySample = { seconds: number; residentMb: Record<string, number>; heapMb: Record<string, number> };

/** Watches a system's memory until it is stopped. */
export type MemoryWatch = { stop(): Promise<MemorySample[]> };

const everyMs = 1_000;

/** Takes a sample a second. */
export function watchMemory(system: Pick<BenchSystem, "pids" | "metricsUrls">): MemoryWatch {
  const samples: MemorySample[] = [];
  const startedAt = performance.now();
  let sampling = Promise.resolve();
  const timer = setInterval(() => {
    sampling = sampling.then(async () => {
      const usage = await readUsage(system.pids());
      const residentMb = Object.fromEntries(Object.entries(usage).map(([name, { residentMb: mb }]) => [name, mb]));
      samples.push({ seconds: (performance.now() - startedAt) / 1_000, residentMb, heapMb: await readHeaps(system) });
    });
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await sampling;
      return samples;
    },
  };
}

/** How a component's memory changed over the last half of the samples. */
export type Growth = {
  startMb: number;
  endMb: number;
  /** Of the line through the last half: growth over that half, as a share of its start, with its 95 % interval. */
  percent: number;
  percentLow: number;
  percentHigh: number;
};

/** Returns the growth over the last half of points in time; undefined where that half has fewer than three. */
export function growthOf(points: readonly (readonly [seconds: number, mb: number])[]): Growth | undefined {
  const half = points.slice(points.length >> 1);
  const trend = trendOf(half);
  if (!trend) return undefined;
  const [[startSeconds, startMb], [endSeconds, endMb]] = [half[0]!, half.at(-1)!];
  const percentOf = (slope: number) => (startMb === 0 ? 0 : (100 * slope * (endSeconds - startSeconds)) / startMb);
  return {
    startMb,
    endMb,
    percent: percentOf(trend.slope),
    percentLow: percentOf(trend.slopeLow),
    percentHigh: percentOf(trend.slopeHigh),
  };
}

/**
 * Returns the lowest sample of each window: what is left after garbage was collected. A window without samples of `mbOf` and
 * an incomplete last one are left out.
 */
export function floorsOf(
  samples: readonly MemorySample[],
  mbOf: (sample: MemorySample) => number | undefined,
  windowSeconds: number,
): [seconds: number, mb: number][] {
  const floors = new Map<number, number>();
  for (const sample of samples) {
    const mb = mbOf(sample);
    const window = Math.floor(sample.seconds / windowSeconds);
    if (mb !== undefined) floors.set(window, Math.min(mb, floors.get(window) ?? Infinity));
  }
  const whole = Math.floor((samples.at(-1)?.seconds ?? 0) / windowSeconds);
  return [...floors].filter(([window]) => window < whole).map(([window, mb]) => [window * windowSeconds, mb]);
}

const heapLine = /^nodejs_heap_size_used_bytes(?:\{[^}]*\})? (\S+)/m;

async function readHeaps({ metricsUrls }: Pick<BenchSystem, "metricsUrls">): Promise<Record<string, number>> {
  const all = await Promise.all(
    Object.entries(metricsUrls).map(
      async ([name, urls]) => [name, Math.max(...(await Promise.all(urls.map(readHeap))))] as const,
    ),
  );
  return Object.fromEntries(all.filter(([, mb]) => mb > 0));
}

async function readHeap(url: string): Promise<number> {
  const text = await fetch(url).then(
    (response) => response.text(),
    () => "",
  );
  return Number(heapLine.exec(text)?.[1] ?? 0) / 2 ** 20;
}
