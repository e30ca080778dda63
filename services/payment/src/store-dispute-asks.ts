// Which open disputes their providers are asked about: those that nothing was heard of for a day, again and again until they end.
// Apart from the rest of a dispute, which nothing here changes, so that no payment has to be locked.

import type { Sql } from "#shared/sql";
import type { PaymentKey } from "./domain/payment.ts";

/** An open dispute that its provider is to be asked about, by the provider's name for it. */
export type DueDispute = PaymentKey & { provider: string; ref: string };

/** Why an ask did not tell how a dispute stands: the provider has none of that name, or it did not answer. */
export const askFaults = ["missing", "unanswered"] as const;
export type AskFault = (typeof askFaults)[number];

/** Keeps when providers are asked about disputes. */
export type DisputeAskStore = {
  /** Takes up to `itemsMax` that are due, longest first, each on one replica only; it is due again soon, unless `note` is told. */
  take(options: { itemsMax: number }): Promise<DueDispute[]>;
  /** Writes what an ask came to; undefined where it told how the dispute stands. One without an answer is due again soon. */
  note(dispute: DueDispute, fault: AskFault | undefined): Promise<void>;
  /** Counts the open ones whose last ask did not tell, by why; what there is none of is left out. */
  count(): Promise<{ fault: AskFault; count: number }[]>;
};

/** Returns the store. */
export function createDisputeAskStore(sql: Sql): DisputeAskStore {
  return {
    // Status 2 is open; as a parameter it would not find its index.
    take: async ({ itemsMax }) =>
      await sql<DueDispute[]>`
        update payment.dispute as d
        set ask_at = now() + interval '10 minutes'
        from (
          select event_id, payment_id, dispute_ref
          from payment.dispute
          where status = 2 and ask_at <= now()
          order by ask_at
          limit ${itemsMax}
          for update skip locked
        ) as due
        join payment.payment as p using (event_id, payment_id)
        where d.event_id = due.event_id and d.payment_id = due.payment_id and d.dispute_ref = due.dispute_ref
        returning d.event_id as "eventId", d.payment_id as "paymentId", d.dispute_ref as ref, p.provider`,
    async note({ eventId, paymentId, ref }, fault) {
      const written = fault ?? null;
      await sql`
        update payment.dispute
        set ask_fault = ${written},
          ask_at = case when ${fault === "unanswered"} then ask_at else now() + interval '1 day' end
        where event_id = ${eventId} and payment_id = ${paymentId} and dispute_ref = ${ref} and status = 2`;
    },
    count: async () =>
      await sql<{ fault: AskFault; count: number }[]>`
        select ask_fault as fault, count(*)::int as count
        from payment.dispute
        where status = 2 and ask_fault is not null
        group by ask_fault`,
  };
}
