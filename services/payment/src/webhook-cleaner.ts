// Forgets webhooks that no provider repeats any more.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import type { WebhookStore } from "./store-webhooks.ts";

const intervalMs = 600_000;
const itemsMax = 5_000;
const dayMs = 86_400_000;

/** Starts the cleaner: every ten minutes up to 5,000, and at once again while there are more. */
export function startWebhookCleaner(options: {
  store: Pick<WebhookStore, "forget">;
  keptDays: number;
  log: Logger;
}): Poller {
  const { store, keptDays, log } = options;
  return startPoller({
    name: "payment.webhook_cleaner",
    intervalMs,
    log,
    round: async () => (await store.forget({ keptMs: keptDays * dayMs, itemsMax })) === itemsMax,
  });
}
