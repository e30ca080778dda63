// What the gateway counts. Labels come from closed lists: methods, codes, names of limits.

import { Code } from "@connectrpc/connect";
import { Counter, durationSecondsBuckets, Gauge, Histogram, type Registry } from "#shared/metrics";
import type { LimitName } from "./limits/limits.ts";

/** Where the gateway reports to. */
export type EdgeMetrics = {
  /** Returns the observer of one method: called once a request with its code (undefined for OK) and duration. */
  requestsOf(method: string): (code: Code | undefined, durationMs: number) => void;
  /** A caller was over a limit. */
  rateLimited(limit: LimitName): void;
  /** A request was turned away before it reached a method, with this HTTP status. */
  turnedAway(status: number): void;
  /** A connection was refused because there are too many. */
  connectionRefused(): void;
};

/** Registers the metrics; `watch` is asked for the gauges' values on every scrape. */
export function createEdgeMetrics(
  registry: Registry,
  watch: { inFlight: () => number; connections: () => number; isRedisConnected: () => boolean },
): EdgeMetrics {
  const registers = [registry];
  const durations = new Histogram({
    name: "boxoffice_edge_request_duration_seconds",
    help: "How long a public request took, by its outcome.",
    labelNames: ["method", "code"],
    buckets: durationSecondsBuckets,
    registers,
  });
  const limited = new Counter({
    name: "boxoffice_edge_rate_limited_total",
    help: "Requests refused by a rate limit.",
    labelNames: ["limit"],
    registers,
  });
  const turnedAway = new Counter({
    name: "boxoffice_edge_turned_away_total",
    help: "Requests refused before they reached a method: unknown, malformed, too large.",
    labelNames: ["status"],
    registers,
  });
  const refusedConnections = new Counter({
    name: "boxoffice_edge_connections_refused_total",
    help: "Connections refused because there were too many.",
    registers,
  });
  gauge("boxoffice_edge_in_flight_requests", "Requests being worked on.", watch.inFlight, registry);
  gauge("boxoffice_edge_connections", "Open connections.", watch.connections, registry);
  gauge(
    "boxoffice_edge_redis_connected",
    "1 while replicas share their limits, 0 while this one counts alone.",
    () => Number(watch.isRedisConnected()),
    registry,
  );

  return {
    requestsOf(method) {
      const ok = durations.labels(method, "OK");
      return (code, durationMs) =>
        (code === undefined ? ok : durations.labels(method, Code[code] ?? "Unknown")).observe(durationMs / 1_000);
    },
    rateLimited: (limit) => limited.inc({ limit }),
    turnedAway: (status) => turnedAway.inc({ status: String(status) }),
    connectionRefused: () => refusedConnections.inc(),
  };
}

function gauge(name: string, help: string, read: () => number, registry: Registry): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
