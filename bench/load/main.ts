// The load generator: a process of its own, told by its parent what to send.

import { openConnection, type Connection } from "./connection.ts";
import { driveClosed, driveOpen, type Drive } from "./drive.ts";
import {
  createBookingRequests,
  createCheckoutRequests,
  createGuestRequests,
  type LoadRequest,
  type RequestSource,
  type Sale,
} from "./requests.ts";
import { createSessions } from "./sessions.ts";
import type { Counts, Latency, Timeline } from "./tally.ts";

/** What to send. */
export type LoadOrder = {
  /** Seats by default; checkouts of seats that are held first, outside the measurement; sessions of guests. */
  ask?: "bookings" | "checkouts" | "guests";
  wishes: { sales: Sale[]; /** Seats a request. */ quantity: number };
  /** `http://host:port` of each gateway; connections are spread over them. */
  targets: string[];
  connections: number;
  sessionSecret: string;
  /** Sessions to sign ahead: as many as there will be requests, where that is known. More requests use them again. */
  sessions: number;
  firstCustomer: number;
  /** How often a request is sent at most, where answers ask the buyer to come back; 1 where not set. */
  triesMax?: number;
} & (
  | { kind: "closed"; requestsMax: number; durationMs: number }
  | { kind: "open"; ratePerSecond: number; durationMs: number }
  | { kind: "atOnce"; requests: number }
);

/** What the generator tells its parent. */
export type LoadMessage =
  { kind: "ready" } | { kind: "progress"; answered: number } | { kind: "done"; result: LoadResult };

/** What came of it. */
export type LoadResult = {
  /** Final answers. */
  counts: Counts;
  /** Answers that asked the buyer to come back. */
  again: Counts;
  /** By final answer, milliseconds. */
  latencies: Record<string, Latency>;
  /** Of all final answers, milliseconds; undefined where there were none. */
  overall: Latency | undefined;
  /** How late requests of an open loop left, milliseconds. */
  lateness: Latency | undefined;
  timeline: Timeline;
  elapsedMs: number;
  /** What the server acknowledged. */
  okIds: string[];
  cpuSeconds: number;
};

process.on("message", (message: LoadOrder | "go") => {
  if (message === "go") return go();
  void prepare(message);
});

// Nobody is left to tell.
process.on("disconnect", () => process.exit());

let go: () => void = () => {};

async function prepare(order: LoadOrder): Promise<void> {
  const connections = await openConnections(order);
  const { nextRequest, okName, count } = await sourceOf(order, connections);
  const okIds: string[] = [];
  go = () => {
    const before = process.cpuUsage();
    const drive: Drive = {
      connections,
      nextRequest,
      okName,
      triesMax: order.triesMax ?? 1,
      onOk: ({ id }) => void okIds.push(id),
      onProgress: (answered) => tell({ kind: "progress", answered }),
    };
    void run(order, drive, count).then(({ tally, again, lateness, elapsedMs }) => {
      const used = process.cpuUsage(before);
      const counts = tally.counts();
      for (const connection of connections) connection.close();
      const result: LoadResult = {
        counts,
        again,
        latencies: Object.fromEntries(Object.keys(counts).map((answer) => [answer, tally.latency(answer)!])),
        overall: tally.overall(),
        lateness: lateness.overall(),
        timeline: tally.timeline(),
        elapsedMs,
        okIds,
        cpuSeconds: (used.user + used.system) / 1e6,
      };
      process.send!({ kind: "done", result } satisfies LoadMessage, () => process.disconnect());
    });
  };
  tell({ kind: "ready" });
}

function run(order: LoadOrder, drive: Drive, count: number) {
  switch (order.kind) {
    case "closed":
      return driveClosed(drive, { ...order, requestsMax: Math.min(order.requestsMax, count) });
    case "open":
      return driveOpen(drive, { ...order, requests: Math.floor((order.ratePerSecond * order.durationMs) / 1_000) });
    case "atOnce":
      return driveOpen(drive, { ratePerSecond: Infinity, requests: order.requests });
  }
}

async function sourceOf(
  order: LoadOrder,
  connections: Connection[],
): Promise<{ nextRequest: RequestSource; okName: string; count: number }> {
  const { host } = new URL(order.targets[0]!);
  const context = { host, tokenOf: createSessions({ ...order, sessionCount: order.sessions }) };
  if (order.ask === "guests") return { nextRequest: createGuestRequests(context), okName: "opened", count: Infinity };
  const bookings = createBookingRequests(order.wishes, context);
  if (order.ask !== "checkouts") return { nextRequest: bookings, okName: "held", count: Infinity };
  const reserved: LoadRequest[] = [];
  await driveClosed(
    {
      connections,
      nextRequest: bookings,
      okName: "held",
      triesMax: 20,
      onOk: (request) => void reserved.push(request),
    },
    { requestsMax: order.sessions, durationMs: 600_000 },
  );
  return { nextRequest: createCheckoutRequests(reserved, context), okName: "confirmed", count: reserved.length };
}

// Each has been greeted: a connection stands for its client long before a busy server has taken it up, and taking up
// thousands is not what is measured.
function openConnections({ targets, connections }: LoadOrder): Promise<Connection[]> {
  return Promise.all(
    Array.from({ length: connections }, async (_, index) => {
      const { hostname, port, host } = new URL(targets[index % targets.length]!);
      const connection = await openConnection({ host: hostname, port: Number(port) });
      await new Promise<void>((resolve) => {
        connection.send(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`, () => resolve());
      });
      return connection;
    }),
  );
}

function tell(message: LoadMessage): void {
  process.send!(message);
}
