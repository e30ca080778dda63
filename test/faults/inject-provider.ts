// What goes wrong at the provider, and with its webhooks.

import { setTimeout as sleep } from "node:timers/promises";
import type { Direction } from "../support/proxy.ts";
import type { Fault } from "./fault-case.ts";
import { fired, type Mark } from "./proof.ts";
import { deliveriesOf, providerStats, setOutage, steerWebhooks } from "./provider.ts";
import type { FaultStack } from "./stack.ts";

/** Harms the provider, or lets its tokens do so; returns what proves it. Calls `mark` when it is whole again. */
export async function harmProvider(
  { how, forMs }: Fault & { kind: "provider" },
  stack: FaultStack,
  mark: Mark,
): Promise<string> {
  if (how === "outage") return await takeDown(stack, forMs, mark);
  const before = await providerStats(stack);
  await sleep(forMs);
  mark();
  const replays = (await providerStats(stack)).replays - before.replays;
  return fired(replays > 0, `the provider was asked again ${replays} times for what it had done already`);
}

// That nothing is captured is no proof, for it is so too where nobody asks.
async function takeDown(stack: FaultStack, forMs: number, mark: Mark): Promise<string> {
  const proxies = stack.proxiesOf("payment>sandbox");
  let refused = 0;
  const onChunk = (chunk: Buffer, direction: Direction) => {
    if (direction === "down" && chunk.includes("HTTP/1.1 503")) refused += 1;
  };
  await setOutage(stack, true);
  const before = await providerStats(stack);
  proxies.forEach((proxy) => proxy.watch(onChunk));
  await sleep(forMs);
  proxies.forEach((proxy) => proxy.watch(undefined));
  const done = (await providerStats(stack)).captures - before.captures;
  await setOutage(stack, false);
  mark();
  return fired(
    refused > 0 && done === 0,
    `${refused} calls of the provider were answered with 503, and it did nothing`,
  );
}

// Buyers look for themselves after two seconds: what is late comes when it is known already.
const ways = { copied: { holdMs: 300, copies: 10 }, late: { holdMs: 3_000, copies: 1 } };

/** Has webhooks come in the wrong order, many times each or late; returns what proves it. */
export async function harmWebhooks(
  { how, forMs }: Fault & { kind: "webhooks" },
  stack: FaultStack,
  mark: Mark,
): Promise<string> {
  const { holdMs, copies } = ways[how];
  const before = new Set((await deliveriesOf(stack)).map(({ id }) => id));
  const latest = async () => (await deliveriesOf(stack)).filter(({ id }) => !before.has(id));
  let reversed = 0;
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    await steerWebhooks(stack.sandboxUrl(), { held: true });
    await sleep(holdMs);
    const waiting = (await latest()).filter(({ tries }) => tries === 0).length;
    if (waiting > 1) reversed += waiting;
    await steerWebhooks(stack.sandboxUrl(), { held: false, reversed: true, copies });
  }
  mark();
  if (how === "late") return fired(reversed > 0, `${reversed} webhooks came ${holdMs} ms late, the last of them first`);
  const copied = (await latest()).filter(({ tries, status }) => tries >= copies && status === 200).length;
  return fired(copied > 0, `${copied} webhooks came ${copies} times at once`);
}
