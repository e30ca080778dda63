// Finishes what nobody asks about any more: payments whose process was killed between intent and result, or whose caller
// gave up while the provider was down. Callers that still care ask again themselves, with the same effect.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import type { Payments } from "./payments.ts";
import type { Store } from "./store.ts";

/** How the resumer works. */
export type ResumerOptions = {
  store: Pick<Store, "takeStale">;
  payments: Pick<Payments, "finish">;
  log: Logger;
  /** Milliseconds that a pending payment is left alone. */
  untouchedMs: number;
  /** Milliseconds between rounds. */
  intervalMs: number;
  /** Most payments a round, all asked at once. */
  itemsMax: number;
  /** Milliseconds that a payment may take in a round. */
  patienceMs: number;
};

/** Starts the resumer. */
export function startResumer(options: ResumerOptions): Poller {
  const { store, payments, log, untouchedMs, intervalMs, itemsMax, patienceMs } = options;
  return startPoller({
    name: "payment.resumer",
    intervalMs,
    log,
    async round() {
      const stale = await store.takeStale({ untouchedMs, itemsMax });
      if (stale.length === 0) return false;
      const deadlineAtMs = Date.now() + patienceMs;
      const ended = await Promise.allSettled(
        stale.map(async (payment) => (await payments.finish(payment, deadlineAtMs)).payment.state !== payment.state),
      );
      const finished = ended.filter((end) => end.status === "fulfilled" && end.value).length;
      log.info({ event: "payment.resumed", taken: stale.length, finished });
      for (const end of ended) if (end.status === "rejected") throw end.reason;
      return stale.length === itemsMax;
    },
  });
}
