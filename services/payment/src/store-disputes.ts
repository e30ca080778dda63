// Disputes and their postings.

import type { Sql } from "#shared/sql";
import type { Dispute, DisputeStatus } from "./domain/dispute.ts";
import type { PaymentKey } from "./domain/payment.ts";

/** Keeps disputes. */
export type DisputeStore = {
  /**
   * Writes how a dispute of a payment stands and posts the money that moved with it, once. A dispute that was decided stays
   * so; another one of the same payment counts for itself. Returns whether anything changed.
   */
  record(key: PaymentKey, dispute: Dispute): Promise<boolean>;
  /** Counts the disputes in each status. */
  count(): Promise<{ status: DisputeStatus; count: number }[]>;
};

/** Returns the store. */
export function createDisputeStore(sql: Sql): DisputeStore {
  return {
    async record({ eventId, paymentId }, { ref, status, amountMinor, currencyCode, reason }) {
      const rows = await sql`
        with changed as (
          insert into payment.dispute as d
            (event_id, payment_id, dispute_ref, status, amount_minor, currency_code, reason)
          values (${eventId}, ${paymentId}, ${ref}, ${status}, ${amountMinor}, ${currencyCode}, ${reason})
          on conflict (event_id, payment_id, dispute_ref) do update
          set status = excluded.status, updated_at = clock_timestamp()
          where d.status < excluded.status and d.status < 3
          returning d.event_id, d.payment_id, d.dispute_ref as reference, d.status, d.amount_minor, d.currency_code
        ), due as (
          select event_id, payment_id, kind, reference, area_id
          from changed join payment.payment using (event_id, payment_id)
          join (values
            -- Open, won, lost: the money left. Won: it came back.
            (2, 'chargeback'), (3, 'chargeback'), (4, 'chargeback'), (3, 'chargeback_reversal')
          ) as rule (status, kind) on rule.status = changed.status
        ), posted as (
          -- From open to won or lost the chargeback stands there already.
          insert into payment.ledger_transaction (event_id, payment_id, kind, reference, area_id)
          select event_id, payment_id, kind, reference, area_id from due
          on conflict (event_id, payment_id, kind, reference) do nothing
          returning event_id, payment_id, kind, reference
        ), entered as (
          insert into payment.ledger_entry
            (event_id, payment_id, kind, reference, account, currency_code, amount_minor)
          select event_id, payment_id, kind, reference, account, currency_code, sign * amount_minor
          from posted join changed using (event_id, payment_id, reference)
          join (values
            ('chargeback', 'chargebacks', 1), ('chargeback', 'provider_receivable', -1),
            ('chargeback_reversal', 'provider_receivable', 1), ('chargeback_reversal', 'chargebacks', -1)
          ) as rule (kind, account, sign) using (kind)
        )
        select 1 from changed`;
      return rows.length > 0;
    },
    count: async () =>
      await sql<{ status: DisputeStatus; count: number }[]>`
        select status, count(*)::int as count from payment.dispute group by status`,
  };
}
