// The load generator: a process of its own, told by its parent what to send.

import { createBookingRequests, type Wishes } from "./booking-requests.ts";
import { openConnection } from "./connection.ts";
import { driveClosed, driveOpen } from "./drive.ts";
import type { Counts, Latency } from "./tally.ts";

/** What to send. */
export type LoadOrder = {
  wishes: Omit<Wishes, "host" | "port">;
  /** `http://host:port` of each gateway; connections are spread over them. */
  targets: string[];
  connections: number;
  sessionSecret: string;
  /** Sessions to sign ahead: as many as there will be requests, where that is known. */
  sessions: number;
  firstCustomer: number;
} & (
  | { kind: "closed"; requestsMax: number; durationMs: number }
  | { kind: "open"; ratePerSecond: number; durationMs: number }
);

/** What the generator tells its parent. */
export type LoadMessage =
  { kind: "ready" } | { kind: "progress"; answered: number } | { kind: "done"; result: LoadResult };

/** What came of it. */
export type LoadResult = {
  counts: Counts;
  /** By answer, milliseconds. */
  latencies: Record<string, Latency>;
  elapsedMs: number;
  heldIds: string[];
  cpuSeconds: number;
};

process.on("message", (message: LoadOrder | "go") => {
  if (message === "go") return go();
  void prepare(message);
});

let go: () => void = () => {};

async function prepare(order: LoadOrder): Promise<void> {
  const targets = order.targets.map((target) => new URL(target));
  const first = targets[0]!;
  const nextRequest = createBookingRequests(
    { ...order.wishes, host: first.hostname, port: Number(first.port) },
    { sessionSecret: order.sessionSecret, sessionCount: order.sessions, firstCustomer: order.firstCustomer },
  );
  const connections = await Promise.all(
    Array.from({ length: order.connections }, (_, index) => {
      const { hostname, port } = targets[index % targets.length]!;
      return openConnection({ host: hostname, port: Number(port) });
    }),
  );
  const heldIds: string[] = [];
  go = () => {
    const before = process.cpuUsage();
    const drive = { connections, nextRequest, onHeld: (id: string) => void heldIds.push(id) };
    const running =
      order.kind === "closed"
        ? driveClosed(drive, order, (answered) => tell({ kind: "progress", answered }))
        : driveOpen(drive, order);
    void running.then(({ tally, elapsedMs }) => {
      const used = process.cpuUsage(before);
      const counts = tally.counts();
      const latencies = Object.fromEntries(Object.keys(counts).map((answer) => [answer, tally.latency(answer)!]));
      for (const connection of connections) connection.close();
      const cpuSeconds = (used.user + used.system) / 1e6;
      const result = { counts, latencies, elapsedMs, heldIds, cpuSeconds };
      process.send!({ kind: "done", result } satisfies LoadMessage, () => process.disconnect());
    });
  };
  tell({ kind: "ready" });
}

function tell(message: LoadMessage): void {
  process.send!(message);
}
