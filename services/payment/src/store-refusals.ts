// What providers refused to give back.

import type { Sql } from "#shared/sql";
import { PaymentState, type PaymentKey } from "./domain/payment.ts";
import { waitsForDispute } from "./refund-row.ts";
import { changeRefunds } from "./store-coverage.ts";

/** A refusal to be written. */
export type RefusalNote = PaymentKey & {
  /** How many there were before. */
  refusals: number;
  reason: string;
  /** Milliseconds until the provider is asked again; null for never. */
  retryMs: number | null;
};

/** Keeps refusals. */
export type RefusalStore = {
  /** Counts one more of a void, if it is still to be done and nobody else has counted it. */
  noteVoid(refusal: RefusalNote): Promise<void>;
  /**
   * Counts one more of a refund, if it is still to be done and nobody else has counted it. Nobody has made it then, so that
   * what disputes have lost pays it; unless that `isUnsure`, so that it stays asked for.
   */
  noteRefund(refusal: RefusalNote & { refundId: string; isUnsure: boolean }): Promise<void>;
  /**
   * Counts the voids and refunds that were refused and are not done, and what is owed again since a refund failed; none that
   * waits for a dispute.
   */
  count(): Promise<{ voids: number; refunds: number }>;
};

/** Returns the store. */
export function createRefusalStore(sql: Sql): RefusalStore {
  const oneMore = ({ reason, retryMs }: RefusalNote) => sql`
    refusals = refusals + 1, refusal_reason = ${reason},
    retry_at = coalesce(clock_timestamp() + ${retryMs}::bigint * interval '1 millisecond', 'infinity'::timestamptz)`;
  return {
    async noteVoid(refusal) {
      const { eventId, paymentId, refusals } = refusal;
      await sql`
        update payment.payment
        set ${oneMore(refusal)}
        where event_id = ${eventId} and payment_id = ${paymentId} and state = ${PaymentState.VOIDING}
          and refusals = ${refusals}`;
    },
    async noteRefund(refusal) {
      const { eventId, paymentId, refundId, refusals, isUnsure } = refusal;
      await changeRefunds(
        sql,
        refusal,
        (tx) => tx`
          update payment.refund
          set ${oneMore(refusal)}, asked_at = case when ${isUnsure}::boolean then asked_at end,
            pending_since = null, pending_cause = null
          where event_id = ${eventId} and payment_id = ${paymentId} and refund_id = ${refundId} and finished_at is null
            and refusals = ${refusals}`,
      );
    },
    async count() {
      const [row] = await sql<{ voids: number; refunds: number }[]>`
        select
          (select count(*)::int from payment.payment where refusals > 0 and state = 6) as voids,
          (select count(*)::int from payment.refund as f
            where refusals > 0 and finished_at is null and pending_since is null
              and not ${waitsForDispute(sql)}) as refunds`;
      return row!;
    },
  };
}
