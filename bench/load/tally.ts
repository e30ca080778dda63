// What a run counted: answers by kind, how long their callers waited, and when they came.

import { build, type Histogram } from "hdr-histogram-js";
import type { LoadRequest } from "./requests.ts";

/** Answers by what they say: `held`, a refusal's reason such as `SOLD_OUT`, `http_503`, `broken`. */
export type Counts = Record<string, number>;

/** Milliseconds. */
export type Latency = { p50: number; p90: number; p99: number; p999: number; max: number; mean: number };

/** Answers by kind in each `bucketMs` since the start. */
export type Timeline = { bucketMs: number; counts: Record<string, number[]> };

/** Counts one run. */
export type Tally = {
  /** Adds an answer: the microseconds that its caller waited, and the milliseconds since the start. */
  add(answer: string, waitedUs: number, atMs: number): void;
  counts(): Counts;
  /** Latency of answers of this kind; undefined where there was none. */
  latency(answer: string): Latency | undefined;
  /** Latency of all answers; undefined where there was none. */
  overall(): Latency | undefined;
  timeline(): Timeline;
};

const longestUs = 120_000_000;
const bucketMs = 100;

/** Returns an empty tally. Latencies are kept in HDR histograms with three significant digits. */
export function createTally(): Tally {
  const byAnswer = new Map<string, { histogram: Histogram; buckets: number[] }>();

  function kindOf(answer: string) {
    let kind = byAnswer.get(answer);
    if (!kind) byAnswer.set(answer, (kind = { histogram: createHistogram(), buckets: [] }));
    return kind;
  }

  return {
    add(answer, waitedUs, atMs) {
      const { histogram, buckets } = kindOf(answer);
      histogram.recordValue(Math.min(longestUs, Math.max(1, Math.round(waitedUs))));
      const bucket = Math.floor(atMs / bucketMs);
      while (buckets.length <= bucket) buckets.push(0);
      buckets[bucket]! += 1;
    },
    counts: () => mapValues(byAnswer, ({ histogram }) => histogram.totalCount),
    latency(answer) {
      const kind = byAnswer.get(answer);
      return kind && latencyOf(kind.histogram);
    },
    overall() {
      const all = createHistogram();
      for (const { histogram } of byAnswer.values()) all.add(histogram);
      return latencyOf(all);
    },
    timeline: () => ({ bucketMs, counts: mapValues(byAnswer, ({ buckets }) => buckets) }),
  };
}

const reasonName = /"reason":"([A-Z_]+)"/;

/** What a 200 is called that is another's answer, or does not say what it has to: it voids the run. */
export const mismatched = "mismatched";

/** Returns what the answer to a request says; `okName` is what a 200 is called. */
export function answerName(
  status: number,
  body: Buffer,
  { okName, request }: { okName: string; request: Pick<LoadRequest, "id" | "success"> },
): string {
  if (status === 200) {
    return body.includes(request.id, 0, "latin1") && body.includes(request.success, 0, "latin1") ? okName : mismatched;
  }
  if (status === 0) return "broken";
  return reasonName.exec(body.toString("latin1"))?.[1] ?? `http_${status}`;
}

function createHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: longestUs, numberOfSignificantValueDigits: 3 });
}

function latencyOf(histogram: Histogram): Latency | undefined {
  if (histogram.totalCount === 0) return undefined;
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: histogram.maxValue / 1_000,
    mean: histogram.mean / 1_000,
  };
}

function mapValues<V, W>(map: Map<string, V>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries([...map].map(([key, value]) => [key, change(value)]));
}
