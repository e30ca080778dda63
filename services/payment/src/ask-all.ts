// A round of asking providers what they have not told by themselves.

import type { Logger } from "#shared/logger";

/**
 * Asks about everything that is due, all at once, and logs how much was told and why the rest was not. `ask` returns a short word
 * for why something is still not known, or undefined where it is. Throws what one of them threw, once all have ended.
 */
export async function askAll<T>(
  due: readonly T[],
  ask: (due: T) => Promise<string | undefined>,
  { event, log }: { event: string; log: Logger },
): Promise<void> {
  if (due.length === 0) return;
  const ended = await Promise.allSettled(due.map(ask));
  const told = ended.filter((end) => end.status === "fulfilled" && end.value === undefined).length;
  const causes = new Set(ended.flatMap((end) => (end.status === "fulfilled" && end.value ? end.value : [])));
  log.info({ event, asked: due.length, told, causes: [...causes] });
  for (const end of ended) if (end.status === "rejected") throw end.reason;
}
