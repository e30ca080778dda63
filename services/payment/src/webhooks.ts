// What a provider's webhook does. What it says is not believed, the provider is asked. It is remembered once that was followed
// (see follow-notice.ts); whatever went wrong before is answered so that the provider sends it again. Nobody is asked about a
// repeat, and never by more than the bulkhead lets in.

import type { Caller } from "#shared/batcher";
import { createLogThrottle, type LogThrottle } from "#shared/log-throttle";
import type { Logger } from "#shared/logger";
import { Counter, type Registry } from "#shared/metrics";
import type { Bulkhead } from "./bulkhead.ts";
import type { Payment } from "./domain/payment.ts";
import type { FollowNotice } from "./follow-notice.ts";
import type { NoticeFault } from "./providers/provider.ts";
import type { Providers } from "./providers/providers.ts";
import type { WebhookStore } from "./store-webhooks.ts";

/** A webhook as it came. */
export type Webhook = { provider: string; body: Uint8Array; signature: string };

/** What became of a webhook. `payment` is the one that it is about, as it stands, if it is one of ours. */
export type WebhookOutcome =
  | { kind: "accepted"; isRepeat: boolean; payment: Payment | undefined }
  | { kind: "unknownProvider" }
  | { kind: "refused"; why: NoticeFault }
  /** To be sent again. */
  | { kind: "notProcessed" | "overloaded" };

/** Handles webhooks. Throws for failed I/O; then it was not processed. */
export type HandleWebhook = (webhook: Webhook, caller: Caller) => Promise<WebhookOutcome>;

/** What `createWebhooks` needs. */
export type WebhooksContext = {
  providers: Pick<Providers, "get">;
  webhooks: Pick<WebhookStore, "isKnown" | "remember">;
  follow: FollowNotice;
  bulkhead: Bulkhead;
  log: Logger;
  metrics: Registry;
};

// Each reason has its own, so that a flood of forged ones does not hide that a clock is wrong.
const refusedLogIntervalMs = 10_000;

/** Returns the function that handles webhooks. */
export function createWebhooks(context: WebhooksContext): HandleWebhook {
  const { providers, webhooks, follow, bulkhead, log, metrics } = context;
  const outcomes = new Counter({
    name: "boxoffice_payment_webhooks_total",
    help: "Webhooks by what became of them.",
    labelNames: ["outcome"],
    registers: [metrics],
  });

  async function handle({ provider: name, body, signature }: Webhook, caller: Caller): Promise<WebhookOutcome> {
    const provider = providers.get(name);
    if (!provider) return { kind: "unknownProvider" };
    const read = provider.readNotice({ body, signature });
    if (read.kind === "refused") return read;
    const key = { provider: name, noticeId: read.id };
    if (await webhooks.isKnown(key)) return { kind: "accepted", isRepeat: true, payment: undefined };
    const leave = await bulkhead.enter(caller.deadlineAtMs);
    if (!leave) return { kind: "overloaded" };
    try {
      const learned = await read.learn(Math.max(1, caller.deadlineAtMs - Date.now()));
      if (learned.kind === "unknown") return { kind: "notProcessed" };
      const followed = await follow(name, learned.notice, caller.deadlineAtMs);
      if (followed.kind === "notProcessed") return followed;
      await webhooks.remember(key);
      return { ...followed, isRepeat: false };
    } finally {
      leave();
    }
  }

  const throttles = new Map<NoticeFault, LogThrottle>();
  function logRefused(provider: string, reason: NoticeFault): void {
    let throttle = throttles.get(reason);
    if (!throttle) throttles.set(reason, (throttle = createLogThrottle(refusedLogIntervalMs)));
    throttle((suppressed) => log.warn({ event: "payment.webhook_refused", provider, reason, suppressed }));
  }

  return async (webhook, caller) => {
    const outcome = await handle(webhook, caller);
    if (outcome.kind === "refused") logRefused(webhook.provider, outcome.why);
    outcomes.inc({ outcome: outcome.kind === "accepted" && outcome.isRepeat ? "repeated" : outcome.kind });
    return outcome;
  };
}
