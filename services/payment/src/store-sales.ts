// What the ledger says of a sale.

import type { Sql } from "#shared/sql";
import { readSnapshot } from "./snapshot.ts";

/** The money of an area in one currency, in minor units. */
export type AreaFigures = {
  /** Empty where the payment's caller did not name it. */
  areaId: string;
  currencyCode: string;
  revenueMinor: number;
  /** Paid back, by refunds that lasted or by disputes that were lost while a refund was due. */
  refundsMinor: number;
  /** To be paid back once more: refunds that failed after they were done. */
  owedMinor: number;
  /** What the seats that came back had cost. */
  returnedMinor: number;
  feesMinor: number;
  /** Taken back by customers' banks and not won back, less what stands for a refund. */
  chargebacksMinor: number;
  /** Authorised or being captured. */
  inFlightMinor: number;
};

/** Reads sales. */
export type SalesStore = {
  /** Returns an event's money, by area and currency, from one snapshot. */
  figuresOf(eventId: string): Promise<AreaFigures[]>;
};

/** Returns the sales store. */
export function createSalesStore(sql: Sql): SalesStore {
  return {
    figuresOf: (eventId) =>
      readSnapshot(
        sql,
        (tx) => tx<AreaFigures[]>`
          select area_id as "areaId", currency_code as "currencyCode",
            coalesce(-sum(amount_minor) filter (where account = 'ticket_sales'), 0)::bigint as "revenueMinor",
            coalesce(-sum(amount_minor) filter (
              where kind in ('refund', 'refund_reversal') and account in ('provider_receivable', 'chargebacks')
            ), 0)::bigint as "refundsMinor",
            coalesce(-sum(amount_minor) filter (where account = 'refunds_owed'), 0)::bigint as "owedMinor",
            coalesce(sum(amount_minor) filter (where account = 'ticket_refunds'), 0)::bigint as "returnedMinor",
            coalesce(sum(amount_minor) filter (where account = 'provider_fees'), 0)::bigint as "feesMinor",
            coalesce(sum(amount_minor) filter (where account = 'chargebacks'), 0)::bigint as "chargebacksMinor",
            coalesce(sum(amount_minor) filter (where account = 'in flight'), 0)::bigint as "inFlightMinor"
          from (
            select t.area_id, kind, e.currency_code, e.account, e.amount_minor
            from payment.ledger_transaction as t
            join payment.ledger_entry as e using (event_id, payment_id, kind, reference)
            where t.event_id = ${eventId}
            union all
            select area_id, '', currency_code, 'in flight', amount_minor
            from payment.payment
            where event_id = ${eventId} and state in (2, 4)
          ) as money
          group by area_id, currency_code
          order by area_id, currency_code`,
      ),
  };
}
