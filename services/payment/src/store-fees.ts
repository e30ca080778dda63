// Fees that were not known when their capture was posted.

import type { Sql } from "#shared/sql";
import type { Fee } from "./domain/fee.ts";
import type { PaymentKey } from "./domain/payment.ts";

/** A capture whose fee is to be asked for. */
export type DueFee = PaymentKey & { provider: string; captureRef: string };

/** Keeps what fees are still to be learnt. */
export type FeeStore = {
  /** Takes up to `itemsMax` that are due, longest first, each on one replica only, and counts the ask before it is made. */
  take(options: { itemsMax: number }): Promise<DueFee[]>;
  /** Posts a fee, once, if it is still waited for; one of nothing posts nothing. */
  post(key: PaymentKey, fee: Fee): Promise<void>;
  /** Counts the captures whose fee is not known. */
  count(): Promise<number>;
};

// A minute after the capture, doubling: the last ask comes nearly three days later. Stripe knows after an hour at most.
const asksMax = 12;

/** Returns the store. */
export function createFeeStore(sql: Sql): FeeStore {
  return {
    take: async ({ itemsMax }) =>
      await sql<DueFee[]>`
        update payment.fee_due as d
        set asks = d.asks + 1,
          ask_at = case when d.asks + 1 < ${asksMax} then now() + power(2, d.asks + 1) * interval '1 minute' else 'infinity' end
        from (
          select event_id, payment_id
          from payment.fee_due
          where ask_at <= now()
          order by ask_at
          limit ${itemsMax}
          for update skip locked
        ) as due
        join payment.payment as p using (event_id, payment_id)
        where d.event_id = due.event_id and d.payment_id = due.payment_id
        returning d.event_id as "eventId", d.payment_id as "paymentId", p.provider, p.capture_ref as "captureRef"`,
    async post({ eventId, paymentId }, { amountMinor, currencyCode }) {
      await sql`
        with known as (
          delete from payment.fee_due
          where event_id = ${eventId} and payment_id = ${paymentId}
          returning event_id, payment_id
        ), posted as (
          insert into payment.ledger_transaction (event_id, payment_id, kind, area_id)
          select event_id, payment_id, 'fee', area_id
          from known join payment.payment using (event_id, payment_id)
          where ${amountMinor}::bigint > 0
          on conflict (event_id, payment_id, kind, reference) do nothing
          returning event_id, payment_id, kind
        )
        insert into payment.ledger_entry (event_id, payment_id, kind, account, currency_code, amount_minor)
        select event_id, payment_id, kind, account, ${currencyCode}, sign * ${amountMinor}::bigint
        from posted cross join (values ('provider_fees', 1), ('provider_receivable', -1)) as rule (account, sign)`;
    },
    async count() {
      const [row] = await sql<{ count: number }[]>`select count(*)::int as count from payment.fee_due`;
      return row!.count;
    },
  };
}
