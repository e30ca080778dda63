// Makes things go wrong, proves that they did, and puts them right again.

import { setTimeout as sleep } from "node:timers/promises";
import type { Direction } from "../support/proxy.ts";
import type { Booking } from "./booking.ts";
import type { Cast, Traffic } from "./buyers.ts";
import type { Fault } from "./fault-case.ts";
import { actWhileDead, killAtStep } from "./inject-kills.ts";
import { harmProvider, harmWebhooks } from "./inject-provider.ts";
import { harmDatabase, harmRedis } from "./inject-servers.ts";
import { leaveUnheard } from "./inject-unheard.ts";
import { messageBytes } from "./messages.ts";
import { fired, type Mark } from "./proof.ts";
import { processState } from "./servers.ts";
import type { FaultStack } from "./stack.ts";

/** What a fault needs. */
export type Scene = {
  stack: FaultStack;
  traffic: Traffic;
  cast: Cast;
  /** A booking at an event of its own, for faults that strike at a step of one story. */
  focal: Booking;
};

/** A fault that is over. Times are of the monotonic clock, in milliseconds. */
export type Injected = {
  struckAtMs: number;
  /** When what was gone had returned. */
  returnedAtMs: number;
  /** What shows that it fired. */
  proof: string;
  /** What the fault began and has yet to end. */
  pending?: Promise<void>;
};

/** Lets `fault` strike, last and end. Throws NotFiredError where nothing shows that it did. */
export async function inject(fault: Fault, scene: Scene): Promise<Injected> {
  const { stack, traffic } = scene;
  switch (fault.kind) {
    case "kill":
      return await killAtStep(fault, scene);
    case "postgres":
      return await timed((mark) => harmDatabase(fault, stack, mark));
    case "redis":
      return await timed((mark) => harmRedis(fault, stack, mark));
    case "freeze":
      return await timed(async (mark) => {
        const { pid, kill } = stack.processes.get(fault.victim);
        kill("SIGSTOP");
        await sleep(fault.forMs / 2);
        const state = await processState(pid);
        await sleep(fault.forMs / 2);
        kill("SIGCONT");
        mark();
        return fired(state === "stopped", `process ${pid} was stopped by a signal for ${fault.forMs} ms`);
      });
    case "link":
      return await timed((mark) => harmLink(fault, stack, mark));
    case "clock":
      return await timed(async (mark) => {
        const said = await stack.processes.setClock(fault.victim, fault.jumpMs);
        mark();
        await sleep(fault.forMs);
        return fired(said.includes(`"offset_ms":${fault.jumpMs}`), said);
      });
    case "provider":
      return await timed((mark) => harmProvider(fault, stack, mark));
    case "unheard":
      return await leaveUnheard(fault, scene);
    case "webhooks":
      return await timed((mark) => harmWebhooks(fault, stack, mark));
    case "buyer-acts":
      return await actWhileDead(fault, scene);
    case "repeats":
      return await timed(async (mark) => {
        await sleep(fault.forMs);
        mark();
        return fired(traffic.counts.known > 100, `${traffic.counts.known} answers were compared`);
      });
    case "restart-all":
      return await timed(async (mark) => {
        const pids: string[] = [];
        for (const name of fault.victims) {
          const before = stack.processes.get(name).pid;
          await stack.processes.restart(name);
          pids.push(`${name}: ${before} → ${stack.processes.get(name).pid}`);
        }
        mark();
        return fired(pids.length > 0, pids.join(", "));
      });
  }
}

// Where nothing is gone, the return is the strike.
async function timed(strike: (mark: Mark) => Promise<string>): Promise<Injected> {
  const struckAtMs = performance.now();
  let returnedAtMs = struckAtMs;
  const proof = await strike(() => (returnedAtMs = performance.now()));
  return { struckAtMs, returnedAtMs, proof };
}

const delayMs = 100;

async function harmLink(fault: Fault & { kind: "link" }, stack: FaultStack, mark: Mark): Promise<string> {
  const { link, how, forMs } = fault;
  const proxies = stack.proxiesOf(link);
  const wayHarmed = how === "silent-up" ? "up" : how === "silent-down" ? "down" : undefined;
  let bytes = 0;
  const count = (chunk: Buffer, direction: Direction) => {
    if (wayHarmed === undefined || wayHarmed === direction) bytes += messageBytes(chunk, link);
  };
  for (const proxy of proxies) proxy.watch(count);
  for (const proxy of proxies) {
    if (how === "delayed") proxy.delay(delayMs);
    else if (how === "reset") proxy.reset();
    else proxy.silence(how === "silent-up" ? "up" : "down");
  }
  // A reset is over at once, so it is repeated for as long.
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    await sleep(Math.min(500, forMs));
    if (how === "reset") proxies.forEach((proxy) => proxy.reset());
  }
  for (const proxy of proxies) proxy.watch(undefined);
  const harms = proxies.map((proxy) => proxy.heal());
  mark();
  const connections = harms.reduce((sum, harm) => sum + harm.connections, 0);
  return how === "reset"
    ? fired(connections > 0, `${connections} connections of ${link} were reset`)
    : fired(bytes > 0, `${bytes} bytes of messages on ${link} were ${how}`);
}
