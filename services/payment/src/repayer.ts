// Pays what customers are owed again, by the keys and the pauses of refunds that are refused.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import type { Refunds } from "./refunds.ts";
import type { RepaymentStore } from "./store-repayments.ts";

/** How the repayer works. */
export type RepayerOptions = {
  store: Pick<RepaymentStore, "takeDue">;
  refunds: Pick<Refunds, "repay">;
  log: Logger;
  /** Milliseconds between rounds. */
  intervalMs: number;
  /** Most repayments a round, all asked at once. */
  itemsMax: number;
  /** Milliseconds that one may take in a round. */
  patienceMs: number;
  /** Milliseconds until one whose answer is unknown is asked for again. */
  claimMs: number;
};

/** Starts the repayer. */
export function startRepayer(options: RepayerOptions): Poller {
  const { store, refunds, log, intervalMs, itemsMax, patienceMs, claimMs } = options;
  return startPoller({
    name: "payment.repayer",
    intervalMs,
    log,
    async round() {
      const due = await store.takeDue({ claimMs, itemsMax });
      if (due.length === 0) return false;
      const deadlineAtMs = Date.now() + patienceMs;
      const ended = await Promise.allSettled(due.map((repayment) => refunds.repay(repayment, deadlineAtMs)));
      const repaid = ended.filter((end) => end.status === "fulfilled" && end.value).length;
      log.info({ event: "payment.repaid", taken: due.length, repaid });
      for (const end of ended) if (end.status === "rejected") throw end.reason;
      return due.length === itemsMax;
    },
  });
}
