// Asks about disputes that are open and that nothing was heard of for a day: a webhook that is lost would keep their refunds
// waiting for ever. What the provider says goes the way of a webhook's news. Few at once, and once a round, as with fees.

import { assertNever } from "#shared/assert-never";
import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import { askAll } from "./ask-all.ts";
import type { FollowNotice } from "./follow-notice.ts";
import type { DisputeResult } from "./providers/provider.ts";
import type { Providers } from "./providers/providers.ts";
import type { DisputeAskStore, DueDispute } from "./store-dispute-asks.ts";

/** How disputes are asked about. */
export type DisputeAskerOptions = {
  asks: Pick<DisputeAskStore, "take" | "note">;
  providers: Pick<Providers, "get">;
  follow: FollowNotice;
  log: Logger;
  /** Milliseconds between rounds. */
  intervalMs: number;
  /** Most disputes asked about in a round, all at once. */
  itemsMax: number;
  /** Longest ask, in milliseconds. */
  tryMsMax: number;
  /** Milliseconds that one may take in a round, with the refund that waited for it. */
  patienceMs: number;
};

/** Starts asking. */
export function startDisputeAsker(options: DisputeAskerOptions): Poller {
  const { asks, providers, follow, log, intervalMs, itemsMax, tryMsMax, patienceMs } = options;

  // Returns why it is still not known how a dispute stands, in a short word.
  async function ask(due: DueDispute, deadlineAtMs: number): Promise<string | undefined> {
    const { eventId, paymentId, ref } = due;
    const result = await read(due);
    switch (result.kind) {
      case "dispute":
        // Where something is left to do it is the resumer's.
        await follow(due.provider, { about: { eventId, paymentId }, dispute: result.dispute }, deadlineAtMs);
        await asks.note(due, undefined);
        return undefined;
      case "missing":
        log.warn({ event: "payment.dispute_missing", eventId, paymentId, ref });
        await asks.note(due, "missing");
        return "missing";
      case "unknown":
        await asks.note(due, "unanswered");
        return result.cause;
      default:
        return assertNever(result);
    }
  }

  async function read({ provider: name, paymentId: reference, ref }: DueDispute): Promise<DisputeResult> {
    const provider = providers.get(name);
    return provider
      ? await provider.readDispute({ reference, ref }, tryMsMax)
      : { kind: "unknown", cause: "provider_not_set_up" };
  }

  return startPoller({
    name: "payment.dispute_asker",
    intervalMs,
    log,
    async round() {
      const due = await asks.take({ itemsMax });
      const deadlineAtMs = Date.now() + patienceMs;
      await askAll(due, (dispute) => ask(dispute, deadlineAtMs), { event: "payment.disputes_asked", log });
      return false;
    },
  });
}
