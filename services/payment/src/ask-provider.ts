// Asks a provider until its answer is known, within bounds: few tries, jitter, a budget, and only while time remains.

import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "#shared/logger";
import { durationSecondsBuckets, Histogram, type Registry } from "#shared/metrics";
import type { Provider, ProviderRequest, ProviderResult } from "./providers/provider.ts";

/** How to ask. */
export type AskOptions = {
  /** Most tries of one call. */
  triesMax: number;
  /** Longest try, in milliseconds. */
  tryMsMax: number;
  /** Longest pause after the first try; doubles with each. The pause is drawn between zero and it. */
  pauseMsMax: number;
  log: Logger;
  metrics: Registry;
  /** From 0 to 1. */
  random: () => number;
};

/** Returns the provider's answer, `unknown` when there is none by `deadlineAtMs`. Never throws. */
export type AskProvider = (
  provider: Pick<Provider, "send">,
  request: ProviderRequest,
  deadlineAtMs: number,
) => Promise<ProviderResult>;

// Time that writing the result needs of what the caller has left.
const writeMs = 250;

// Repeats are at most a fifth of all calls over time, with a reserve of a hundred: a provider that is down is not helped
// by three times the load.
const budgetMax = 100;
const budgetEarned = 0.2;

/** Returns the function that asks. */
export function createAskProvider(options: AskOptions): AskProvider {
  const { triesMax, tryMsMax, pauseMsMax, log, metrics, random } = options;
  const durations = new Histogram({
    name: "boxoffice_payment_provider_duration_seconds",
    help: "How long one try of a provider call took, by what was asked and what came of it.",
    labelNames: ["operation", "result"],
    buckets: durationSecondsBuckets,
    registers: [metrics],
  });
  let budget = budgetMax;

  async function tryOnce(
    provider: Pick<Provider, "send">,
    request: ProviderRequest,
    timeoutMs: number,
  ): Promise<ProviderResult> {
    const startedAt = performance.now();
    const result = await provider.send(request, timeoutMs);
    durations.labels(request.kind, result.kind).observe((performance.now() - startedAt) / 1000);
    if (result.kind === "unknown") {
      log.warn({
        event: "payment.provider_unknown",
        operation: request.kind,
        paymentId: request.reference,
        cause: result.cause,
      });
    }
    return result;
  }

  return async (provider, request, deadlineAtMs) => {
    const leftMs = () => deadlineAtMs - writeMs - Date.now();
    budget = Math.min(budgetMax, budget + budgetEarned);
    let result: ProviderResult = { kind: "unknown", cause: "no_time" };
    for (let tries = 1; leftMs() > 0; tries += 1) {
      result = await tryOnce(provider, request, Math.min(tryMsMax, leftMs()));
      if (result.kind !== "unknown" || tries === triesMax || budget < 1) break;
      budget -= 1;
      const pauseMs = random() * pauseMsMax * 2 ** (tries - 1);
      if (pauseMs >= leftMs()) break;
      await delay(pauseMs);
    }
    return result;
  };
}
