// A provider that acts and does not say so, while one booking takes one way.

import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./fault-case.ts";
import type { Injected, Scene } from "./inject.ts";
import { fired } from "./proof.ts";
import { providerStats } from "./provider.ts";
import { play } from "./stories.ts";

const replayTimeoutMs = 20_000;

/** Plays a story in which the provider leaves a call unanswered that it has acted on, and waits until it is asked again. */
export async function leaveUnheard(
  { story }: Fault & { kind: "unheard" },
  { stack, traffic, cast, focal }: Scene,
): Promise<Injected> {
  const before = await providerStats(stack);
  const replays = async () => (await providerStats(stack)).replays - before.replays;
  const struckAtMs = performance.now();
  const pending = play(story, { booking: focal, others: traffic.bookings, ask: traffic.askTimes(1), cast });
  pending.catch(() => {});
  while ((await replays()) === 0 && performance.now() < struckAtMs + replayTimeoutMs) await sleep(20);
  const returnedAtMs = performance.now();
  const words = `in the story "${story}" the provider was asked again for what it had done, and not said`;
  return { struckAtMs, returnedAtMs, proof: fired((await replays()) > 0, words), pending };
}
