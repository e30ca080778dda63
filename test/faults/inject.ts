// Makes things go wrong, proves that they did, and puts them right again.

import { setTimeout as sleep } from "node:timers/promises";
import type { Booking } from "./booking.ts";
import type { Traffic } from "./buyers.ts";
import { closeGate } from "./gate.ts";
import type { Fault } from "./fault-case.ts";
import { harmDatabase, harmRedis } from "./inject-servers.ts";
import { fired, NotFiredError, type Mark } from "./proof.ts";
import { processState } from "./servers.ts";
import type { FaultStack } from "./stack.ts";
import { play } from "./stories.ts";

/** What a fault needs. */
export type Scene = {
  stack: FaultStack;
  traffic: Traffic;
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

// Bytes of a gRPC answer, its headers and trailers, are more than HTTP/2's own frames between two calls.
const replyBytesMin = 64;
const replyTimeoutMs = 15_000;

async function killAtStep(fault: Fault & { kind: "kill" }, { stack, traffic, focal }: Scene): Promise<Injected> {
  const { victim, moment, write, story, replyOn } = fault;
  const gate = await closeGate(stack.sql, write, focal.wish.eventId);
  const pending = play(story, focal, traffic.ask);
  pending.catch(() => {});
  const halted = await Promise.race([gate.reached(), pending.then(() => undefined)]);
  if (!halted) throw new NotFiredError(`the story "${story}" ended without writing ${write.state} into ${write.table}`);

  const { pid } = stack.processes.get(victim);
  const seen: string[] = [`transaction ${halted.xid} stood before writing ${write.state} into ${write.table}`];
  if (moment === "before-reply") {
    const [proxy] = stack.proxiesOf(replyOn!);
    proxy!.silence("down");
    await gate.open(halted);
    const giveUpAtMs = performance.now() + replyTimeoutMs;
    while (proxy!.harm.bytes < replyBytesMin && performance.now() < giveUpAtMs) await sleep(5);
    fired(proxy!.harm.bytes >= replyBytesMin, `an answer on ${replyOn} was withheld`);
    seen.push(`it committed`, `${proxy!.harm.bytes} bytes of the answer on ${replyOn} were withheld`);
  }
  const struckAtMs = performance.now();
  await stack.processes.kill(victim);
  seen.push(`${victim} (${pid}) was killed`);
  if (moment === "before-commit") {
    await gate.turnBack(halted);
    seen.push("it rolled back");
  } else if (moment === "before-reply") {
    const [proxy] = stack.proxiesOf(replyOn!);
    proxy!.reset();
    proxy!.heal();
  } else {
    await gate.open(halted);
    seen.push("it committed");
  }
  await stack.processes.restart(victim);
  return { struckAtMs, returnedAtMs: performance.now(), proof: seen.join("; "), pending };
}

const delayMs = 100;

async function harmLink(fault: Fault & { kind: "link" }, stack: FaultStack, mark: Mark): Promise<string> {
  const { link, how, forMs } = fault;
  const proxies = stack.proxiesOf(link);
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
  const harms = proxies.map((proxy) => proxy.heal());
  mark();
  const bytes = harms.reduce((sum, harm) => sum + harm.bytes, 0);
  const connections = harms.reduce((sum, harm) => sum + harm.connections, 0);
  return how === "reset"
    ? fired(connections > 0, `${connections} connections of ${link} were reset`)
    : fired(bytes > 0, `${bytes} bytes on ${link} were ${how}`);
}

async function harmProvider(fault: Fault & { kind: "provider" }, stack: FaultStack, mark: Mark): Promise<string> {
  const before = await providerStats(stack);
  if (fault.how === "token") {
    await sleep(fault.forMs);
    mark();
    const replays = (await providerStats(stack)).replays - before.replays;
    return fired(replays > 0, `the provider was asked again ${replays} times for what it had done already`);
  }
  const setDown = (down: boolean) =>
    fetch(`${stack.sandboxUrl()}/v1/outage`, { method: "PUT", body: JSON.stringify({ down }) });
  await setDown(true);
  await sleep(fault.forMs / 2);
  const middle = await providerStats(stack);
  await sleep(fault.forMs / 2);
  const after = await providerStats(stack);
  await setDown(false);
  mark();
  return fired(middle.captures === after.captures, `the provider did nothing for ${fault.forMs / 2} ms`);
}

/** How often the provider really did things. */
export type ProviderStats = Record<"captures" | "refunds" | "replays", number>;

/** Returns what the provider counts. */
export async function providerStats(stack: FaultStack): Promise<ProviderStats> {
  return (await (await fetch(`${stack.sandboxUrl()}/v1/stats`)).json()) as ProviderStats;
}
