// Runs one load and accounts for it: what was answered, how fast, what each component used, and whether the database agrees.

import { fork } from "node:child_process";
import { on } from "node:events";
import { fileURLToPath } from "node:url";
import { disagreements } from "./check.ts";
import type { LoadMessage, LoadOrder, LoadResult } from "./load/main.ts";
import { sessionSecret, type BenchSystem } from "./system.ts";
import { readUsage } from "./usage.ts";

/** What to send, but for what the system knows. */
export type Load = {
  [K in LoadOrder["kind"]]: Omit<Extract<LoadOrder, { kind: K }>, "targets" | "sessionSecret" | "firstCustomer">;
}[LoadOrder["kind"]];

/** One run, accounted for. */
export type Measured = Omit<LoadResult, "heldIds" | "cpuSeconds"> & {
  held: number;
  answered: number;
  heldPerSecond: number;
  answeredPerSecond: number;
  /** Microseconds of processor time for each held reservation, by component; `generator` is the load's own. */
  cpuUsPerHeld: Record<string, number>;
  /** Megabytes of the largest process of each component: the most so far. */
  peakMb: Record<string, number>;
  /** What is wrong with the run; empty when it counts. */
  wrong: string[];
};

let customers = 0;

/** Sends a load and returns what came of it. */
export async function runLoad(
  system: BenchSystem,
  load: Load,
  onProgress?: (answered: number) => void,
): Promise<Measured> {
  const child = fork(fileURLToPath(new URL("../dist/bench/load/main.js", import.meta.url)), {
    execArgv: ["--max-semi-space-size=32"],
  });
  const ended = new AbortController();
  const onEnd = () => ended.abort(new Error("the load generator ended early"));
  // Not `exit`, which can come before the last message.
  child.once("disconnect", onEnd);
  const messages = on(child, "message", { signal: ended.signal });
  const next = async <K extends LoadMessage["kind"]>(kind: K): Promise<Extract<LoadMessage, { kind: K }>> => {
    // Not `for await`, which would end the listening with the first message that is waited for.
    for (;;) {
      const [message] = (await messages.next()).value as [LoadMessage];
      if (message.kind === "progress") onProgress?.(message.answered);
      if (message.kind === kind) return message as Extract<LoadMessage, { kind: K }>;
    }
  };
  const order = { ...load, targets: system.gatewayUrls, sessionSecret, firstCustomer: customers } as LoadOrder;
  customers += load.sessions;
  child.send(order);
  await next("ready");
  const before = await readUsage(system.pids());
  child.send("go");
  const { result } = await next("done");
  child.off("disconnect", onEnd);
  const after = await readUsage(system.pids());

  const { counts, latencies, elapsedMs, heldIds, cpuSeconds } = result;
  const held = counts["held"] ?? 0;
  const answered = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const unknown = Object.entries(counts).reduce((sum, [answer, count]) => (isUnknown(answer) ? sum + count : sum), 0);
  const perHeld = (seconds: number) => (held === 0 ? 0 : (seconds * 1e6) / held);
  return {
    counts,
    latencies,
    elapsedMs,
    held,
    answered,
    heldPerSecond: (held * 1_000) / elapsedMs,
    answeredPerSecond: (answered * 1_000) / elapsedMs,
    cpuUsPerHeld: {
      ...Object.fromEntries(
        Object.keys(after).map((name) => [name, perHeld(after[name]!.cpuSeconds - before[name]!.cpuSeconds)]),
      ),
      generator: perHeld(cpuSeconds),
    },
    peakMb: Object.fromEntries(Object.entries(after).map(([name, { peakMb }]) => [name, peakMb])),
    wrong: await disagreements(
      system.sql,
      load.wishes.sales.map(({ eventId }) => eventId),
      { heldIds, unknown },
    ),
  };
}

function isUnknown(answer: string): boolean {
  return answer === "broken" || answer === "OVERLOADED" || answer.startsWith("http_5");
}
