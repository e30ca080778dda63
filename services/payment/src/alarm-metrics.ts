// What a person should look at, as gauges: asked of the database at each scrape, so that every replica shows the whole.

import { Gauge, type Registry } from "#shared/metrics";
import { DisputeStatus } from "./domain/dispute.ts";
import { pendingCauses } from "./domain/pending-refund.ts";
import { askFaults, type DisputeAskStore } from "./store-dispute-asks.ts";
import type { DisputeStore } from "./store-disputes.ts";
import type { FeeStore } from "./store-fees.ts";
import type { RefundStore } from "./store-refunds.ts";
import type { RefusalStore } from "./store-refusals.ts";

/** Registers the gauges. While the database can't be asked they keep their last values. */
export function watchAlarms(
  registry: Registry,
  stores: {
    refusals: Pick<RefusalStore, "count">;
    refunds: Pick<RefundStore, "countPending">;
    disputes: Pick<DisputeStore, "count">;
    asks: Pick<DisputeAskStore, "count">;
    fees: Pick<FeeStore, "count">;
  },
): void {
  const { refusals, refunds, disputes, asks, fees } = stores;
  new Gauge({
    name: "boxoffice_payments_refused",
    help: "Voids and refunds that their provider refused and has not made yet, and refunds that failed and are owed again.",
    labelNames: ["operation"],
    registers: [registry],
    async collect() {
      const counts = await refusals.count().catch(() => undefined);
      if (!counts) return;
      this.set({ operation: "void" }, counts.voids);
      this.set({ operation: "refund" }, counts.refunds);
    },
  });
  new Gauge({
    name: "boxoffice_payment_refunds_pending",
    help: "Refunds that their provider has made and not finished, by why.",
    labelNames: ["cause"],
    registers: [registry],
    async collect() {
      const counts = await refunds.countPending().catch(() => undefined);
      if (!counts) return;
      for (const cause of pendingCauses) this.set({ cause }, counts.find((each) => each.cause === cause)?.count ?? 0);
    },
  });
  new Gauge({
    name: "boxoffice_payment_disputes",
    help: "Payments that a bank took back or asks about, by how that stands.",
    labelNames: ["status"],
    registers: [registry],
    async collect() {
      const counts = await disputes.count().catch(() => undefined);
      if (!counts) return;
      // The database has no row for a status that no dispute is in any more.
      for (const [name, status] of Object.entries(DisputeStatus)) {
        this.set({ status: name }, counts.find((each) => each.status === status)?.count ?? 0);
      }
    },
  });
  new Gauge({
    name: "boxoffice_payment_disputes_untold",
    help: "Open disputes of which their provider, when it was asked, did not tell how they stand, by why.",
    labelNames: ["cause"],
    registers: [registry],
    async collect() {
      const counts = await asks.count().catch(() => undefined);
      if (!counts) return;
      for (const cause of askFaults) this.set({ cause }, counts.find(({ fault }) => fault === cause)?.count ?? 0);
    },
  });
  new Gauge({
    name: "boxoffice_payment_fees_unknown",
    help: "Captures of which the provider has not told its fee.",
    registers: [registry],
    async collect() {
      const count = await fees.count().catch(() => undefined);
      if (count !== undefined) this.set(count);
    },
  });
}
