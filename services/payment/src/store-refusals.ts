// What providers refused to give back.

import type { Sql } from "#shared/sql";
import { PaymentState, type PaymentKey } from "./domain/payment.ts";

/** A refusal to be written. */
export type RefusalNote = PaymentKey & {
  /** VOIDING or REFUNDING. */
  state: PaymentState;
  /** How many there were before. */
  refusals: number;
  reason: string;
  /** Milliseconds until the provider is asked again; null for never. */
  retryMs: number | null;
};

/** Keeps refusals. */
export type RefusalStore = {
  /** Counts one more, if the payment still stands where it was. */
  note(refusal: RefusalNote): Promise<void>;
  /** Counts payments whose void or refund was refused and is not done. */
  count(): Promise<{ voids: number; refunds: number }>;
};

/** Returns the store. */
export function createRefusalStore(sql: Sql): RefusalStore {
  return {
    async note({ eventId, paymentId, state, refusals, reason, retryMs }) {
      await sql`
        update payment.payment
        set refusals = refusals + 1, refusal_reason = ${reason},
          retry_at = coalesce(
            clock_timestamp() + ${retryMs}::bigint * interval '1 millisecond', 'infinity'::timestamptz)
        where event_id = ${eventId} and payment_id = ${paymentId} and state = ${state} and refusals = ${refusals}`;
    },
    async count() {
      const [row] = await sql<{ voids: number; refunds: number }[]>`
        select count(*) filter (where state = ${PaymentState.VOIDING})::int as voids,
          count(*) filter (where state = ${PaymentState.REFUNDING})::int as refunds
        from payment.payment
        where refusals > 0 and state in (6, 8)`;
      return row!;
    },
  };
}
