// What a run counted: answers by kind, latencies, and the ids of everything that was acknowledged.

import { build, type Histogram } from "hdr-histogram-js";

/** Answers by what they say: `held`, a refusal's reason such as `SOLD_OUT`, `http_503`, `broken`. */
export type Counts = Record<string, number>;

/** Milliseconds. */
export type Latency = { p50: number; p90: number; p99: number; p999: number; max: number; mean: number };

/** Counts one run. */
export type Tally = {
  /** Adds an answer and the microseconds that its caller waited. */
  add(answer: string, waitedUs: number): void;
  counts(): Counts;
  /** Latency of answers of this kind; undefined where there was none. */
  latency(answer: string): Latency | undefined;
};

const longestUs = 120_000_000;

/** Returns an empty tally. Latencies are kept in HDR histograms with three significant digits. */
export function createTally(): Tally {
  const byAnswer = new Map<string, Histogram>();
  return {
    add(answer, waitedUs) {
      let histogram = byAnswer.get(answer);
      if (!histogram) {
        histogram = build({
          lowestDiscernibleValue: 1,
          highestTrackableValue: longestUs,
          numberOfSignificantValueDigits: 3,
        });
        byAnswer.set(answer, histogram);
      }
      histogram.recordValue(Math.min(longestUs, Math.max(1, Math.round(waitedUs))));
    },
    counts: () => Object.fromEntries([...byAnswer].map(([answer, histogram]) => [answer, histogram.totalCount])),
    latency(answer) {
      const histogram = byAnswer.get(answer);
      if (!histogram) return undefined;
      const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1_000;
      return {
        p50: at(50),
        p90: at(90),
        p99: at(99),
        p999: at(99.9),
        max: histogram.maxValue / 1_000,
        mean: histogram.mean / 1_000,
      };
    },
  };
}

const reasonName = /"reason":"([A-Z_]+)"/;

/** Returns what an answer says. */
export function answerName(status: number, body: Buffer): string {
  if (status === 200) return "held";
  if (status === 0) return "broken";
  return reasonName.exec(body.toString("latin1"))?.[1] ?? `http_${status}`;
}
