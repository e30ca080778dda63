// Chains what was posted, apart from the path of payments: they insert freely, and within a second one replica or another
// hashes what has been committed. See domain/ledger-chain.ts.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import type { ChainStore } from "./store-chain.ts";

/** Starts the sealer. */
export function startSealer(options: {
  chain: Pick<ChainStore, "seal">;
  /** Milliseconds between looks. */
  intervalMs: number;
  /** Most transactions chained in one database transaction. */
  itemsMax: number;
  log: Logger;
}): Poller {
  const { chain, intervalMs, itemsMax, log } = options;
  return startPoller({
    name: "payment.sealer",
    intervalMs,
    log,
    async round() {
      const { links, head } = await chain.seal({ itemsMax });
      // Out of the database's reach: whoever rewrote the whole chain would have to rewrite the logs as well.
      if (head) log.info({ event: "payment.ledger_sealed", links, link: head.link, hash: head.hash });
      return links === itemsMax;
    },
  });
}
