// Metrics in Prometheus' format. Labels come from closed lists; ids belong in logs.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Batcher } from "./batcher.ts";

export { Counter, Gauge, Histogram, Registry };

const batchItemsBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/**
 * Seconds; from half a millisecond to the longest time for any call. Those that OpenTelemetry advises for
 * `http.server.request.duration`, with finer ones below for calls between services, and from one second on for a rush.
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
 */
export const durationSecondsBuckets = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75],
  ...[1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 10, 15, 30],
];

/** Returns a registry that already has the process's own metrics. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** What a batcher reports to. */
export type BatchMetrics = {
  /** Returns the `onBatch` of the batcher called `name`. */
  onBatch(name: string): (items: number, durationMs: number) => void;
  /** Shows how full the batcher's queue is. */
  watchQueue(name: string, batcher: Pick<Batcher<never, unknown>, "queued" | "inFlight">): void;
};

/** Returns the batch metrics `boxoffice_batch_items`, `boxoffice_batch_duration_seconds`, `boxoffice_batch_queue_items`. */
export function createBatchMetrics(registry: Registry): BatchMetrics {
  const items = new Histogram({
    name: "boxoffice_batch_items",
    help: "Items in a finished batch.",
    labelNames: ["batcher"],
    buckets: batchItemsBuckets,
    registers: [registry],
  });
  const duration = new Histogram({
    name: "boxoffice_batch_duration_seconds",
    help: "How long a batch ran.",
    labelNames: ["batcher"],
    buckets: durationSecondsBuckets,
    registers: [registry],
  });
  const watched = new Map<string, Pick<Batcher<never, unknown>, "queued" | "inFlight">>();
  new Gauge({
    name: "boxoffice_batch_queue_items",
    help: "Items that wait for a batch.",
    labelNames: ["batcher"],
    registers: [registry],
    collect() {
      for (const [name, batcher] of watched) this.set({ batcher: name }, batcher.queued);
    },
  });
  return {
    onBatch(name) {
      const itemsOf = items.labels(name);
      const durationOf = duration.labels(name);
      return (count, durationMs) => {
        itemsOf.observe(count);
        durationOf.observe(durationMs / 1000);
      };
    },
    watchQueue: (name, batcher) => void watched.set(name, batcher),
  };
}
