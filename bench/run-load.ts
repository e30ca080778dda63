// Runs one load and accounts for it: what was answered, how fast, what each component used, and whether the database agrees.

import { fork } from "node:child_process";
import { on } from "node:events";
import { fileURLToPath } from "node:url";
import type { Sql } from "#shared/sql";
import { disagreements, type Told } from "./check.ts";
import type { LoadMessage, LoadOrder, LoadResult } from "./load/main.ts";
import { isUnknown } from "./load/retry.ts";
import { mismatched } from "./load/tally.ts";
import { sessionSecret } from "./system.ts";
import { readMachine, readUsage } from "./usage.ts";

/** What to send, but for what the system knows. */
export type Load = {
  [K in LoadOrder["kind"]]: Omit<Extract<LoadOrder, { kind: K }>, "targets" | "sessionSecret" | "firstCustomer">;
}[LoadOrder["kind"]] & {
  /** What buyers of these sales were told before. */
  before?: Told;
  /** The result says what buyers were told, for a load that follows on the same sales. */
  keepsTold?: boolean;
  /** Holds may end by themselves while the load runs. */
  holdsMayEnd?: boolean;
};

/** Where to send it. */
export type LoadTarget = {
  gatewayUrls: string[];
  pids(): Record<string, number[]>;
  /** The database that must agree afterwards; nothing is asked where there is none. */
  sql?: Sql;
};

/** One run, accounted for. */
export type Measured = Omit<LoadResult, "okIds" | "cpuSeconds"> & {
  /** Requests that succeeded. */
  held: number;
  answered: number;
  heldPerSecond: number;
  answeredPerSecond: number;
  /** Microseconds of processor time for each request that succeeded, by component; `generator` is the load's own. */
  cpuUsPerHeld: Record<string, number>;
  /** The same for each answer, whatever it said. */
  cpuUsPerAnswer: Record<string, number>;
  /** Cores that the machine was busy with, on average: all of it, and what neither the system nor the generator used. */
  coresBusy: { all: number; others: number };
  /** Megabytes of the largest process of each component: the most so far. */
  peakMb: Record<string, number>;
  /** What buyers were told of these sales, in all; undefined where it was not to be kept. */
  told: Told | undefined;
  /** What is wrong with the run; empty when it counts. */
  wrong: string[];
};

let customers = 0;

/** Sends a load and returns what came of it. */
export async function runLoad(
  target: LoadTarget,
  load: Load,
  onProgress?: (answered: number) => void,
): Promise<Measured> {
  const { before: toldBefore, holdsMayEnd = false, keepsTold = false, ...sent } = load;
  const order = { ...sent, targets: target.gatewayUrls, sessionSecret, firstCustomer: customers } as LoadOrder;
  customers += load.sessions;
  const generator = startGenerator(onProgress);
  generator.send(order);
  await generator.next("ready");
  const [before, machineBefore] = [await readUsage(target.pids()), await readMachine()];
  generator.send("go");
  const { result } = await generator.next("done");
  const [after, machineAfter] = [await readUsage(target.pids()), await readMachine()];

  const { okIds, cpuSeconds, ...rest } = result;
  const { counts, elapsedMs } = rest;
  const answered = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const held = okIds.length;
  const used = {
    ...Object.fromEntries(
      Object.keys(after).map((name) => [name, after[name]!.cpuSeconds - before[name]!.cpuSeconds] as const),
    ),
    generator: cpuSeconds,
  };
  const usedInAll = Object.values(used).reduce((sum, seconds) => sum + seconds, 0);
  const busySeconds = machineAfter.busySeconds - machineBefore.busySeconds;
  const told: Told = {
    okIds: toldBefore ? toldBefore.okIds.concat(okIds) : okIds,
    unknown: (toldBefore?.unknown ?? 0) + unknownOf(counts),
  };
  return {
    ...rest,
    held,
    answered,
    heldPerSecond: (held * 1_000) / elapsedMs,
    answeredPerSecond: (answered * 1_000) / elapsedMs,
    cpuUsPerHeld: perItem(used, held),
    cpuUsPerAnswer: perItem(used, answered),
    coresBusy: {
      all: busySeconds / (elapsedMs / 1_000),
      others: Math.max(0, busySeconds - usedInAll) / (elapsedMs / 1_000),
    },
    peakMb: Object.fromEntries(Object.entries(after).map(([name, { peakMb }]) => [name, peakMb])),
    told: keepsTold ? told : undefined,
    wrong: [
      ...(counts[mismatched] ? [`${counts[mismatched]} answers were not what was asked for`] : []),
      ...(target.sql ? await wrongWith(target.sql, load, told, holdsMayEnd) : []),
    ],
  };
}

function wrongWith(sql: Sql, load: Load, told: Told, holdsMayEnd: boolean): Promise<string[]> {
  const eventIds = load.wishes.sales.map(({ eventId }) => eventId);
  return disagreements(sql, eventIds, told, { holdsMayEnd, paid: load.ask === "checkouts" });
}

function startGenerator(onProgress: ((answered: number) => void) | undefined) {
  const child = fork(fileURLToPath(new URL("../dist/bench/load/main.js", import.meta.url)), {
    execArgv: ["--max-semi-space-size=32"],
    serialization: "advanced",
  });
  const ended = new AbortController();
  const onEnd = () => ended.abort(new Error("the load generator ended early"));
  // Not `exit`, which can come before the last message.
  child.once("disconnect", onEnd);
  const messages = on(child, "message", { signal: ended.signal });
  return {
    send: (message: LoadOrder | "go") => void child.send(message),
    async next<K extends LoadMessage["kind"]>(kind: K): Promise<Extract<LoadMessage, { kind: K }>> {
      // Not `for await`, which would end the listening with the first message that is waited for.
      for (;;) {
        const [message] = (await messages.next()).value as [LoadMessage];
        if (message.kind === "progress") onProgress?.(message.answered);
        if (message.kind === "done") child.off("disconnect", onEnd);
        if (message.kind === kind) return message as Extract<LoadMessage, { kind: K }>;
      }
    },
  };
}

function perItem(used: Record<string, number>, items: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(used).map(([name, seconds]) => [name, items === 0 ? 0 : (seconds * 1e6) / items]),
  );
}

function unknownOf(counts: Record<string, number>): number {
  return Object.entries(counts).reduce((sum, [answer, count]) => (isUnknown(answer) ? sum + count : sum), 0);
}
