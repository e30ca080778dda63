// Learns fees that a capture's answer did not tell, apart from the path of payments: a fee holds nothing up. Few at once, and
// once a round, so that the provider's limits stay with the payments.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import { askAll } from "./ask-all.ts";
import type { Providers } from "./providers/providers.ts";
import type { DueFee, FeeStore } from "./store-fees.ts";

/** How fees are learnt. */
export type FeeLearnerOptions = {
  fees: Pick<FeeStore, "take" | "post">;
  providers: Pick<Providers, "get">;
  log: Logger;
  /** Milliseconds between rounds. */
  intervalMs: number;
  /** Most captures asked about in a round, all at once. */
  itemsMax: number;
  /** Longest ask, in milliseconds. */
  tryMsMax: number;
};

/** Starts learning. */
export function startFeeLearner(options: FeeLearnerOptions): Poller {
  const { fees, providers, log, intervalMs, itemsMax, tryMsMax } = options;

  // Returns why a fee is still not known, in a short word.
  async function learn(due: DueFee): Promise<string | undefined> {
    const { paymentId: reference, captureRef } = due;
    const provider = providers.get(due.provider);
    if (!provider) return "provider_not_set_up";
    const result = await provider.readFee({ reference, captureRef }, tryMsMax);
    if (result.kind === "unknown") return result.cause;
    await fees.post(due, result.fee);
    return undefined;
  }

  return startPoller({
    name: "payment.fee_learner",
    intervalMs,
    log,
    async round() {
      await askAll(await fees.take({ itemsMax }), learn, { event: "payment.fees_asked", log });
      return false;
    },
  });
}
