// The promises about money that comes back or goes away late, as queries: repayments and disputes.

import { DisputeStatus } from "./domain/dispute.ts";
import type { Found, InvariantQuery } from "./store-invariants.ts";

/** The checks. */
export const lateMoneyQueries: InvariantQuery[] = [
  {
    promise: 5,
    name: "payment.owed_is_repaid",
    description:
      "refunds that failed and have no repayment, repayments whose debt is not posted exactly once, and payments whose refunds count on more than disputes lost",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
      from (
        select event_id, payment_id, not exists (
            select from payment.refund as r
            where r.event_id = f.event_id and r.payment_id = f.payment_id and r.repays = f.refund_id
          ) as broken
        from payment.refund as f
        where failed_at is not null
        union all
        select event_id, payment_id, posted.amount_minor is distinct from f.amount_minor as broken
        from (select *, refund_id::text as reference from payment.refund where repays is not null) as f
        full join (
          select event_id, payment_id, reference, -amount_minor as amount_minor
          from payment.ledger_entry
          where kind = 'refund_reversal' and account = 'refunds_owed'
        ) as posted using (event_id, payment_id, reference)
        union all
        select event_id, payment_id, sum(covered_minor) > (
            select coalesce(sum(d.amount_minor), 0)
            from payment.dispute as d
            where d.event_id = f.event_id and d.payment_id = f.payment_id and d.status = ${DisputeStatus.lost}
          ) as broken
        from payment.refund as f
        -- What the provider may have made keeps its share until it has answered.
        where covered_minor > 0 and (finished_at is not null or asked_at is null)
        group by event_id, payment_id
      ) as owed
      where ${eventId}::uuid is null or event_id = ${eventId}::uuid`,
  },
  {
    promise: 6,
    name: "payment.disputes_posted",
    description: "disputes of which the ledger does not say what the customer's bank took, less what came back",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
      from (
        select payment_id, coalesce(p.was_taken, false) is distinct from coalesce(d.status > 1, false)
          or coalesce(p.away, 0) <> case when d.status in (${DisputeStatus.open}, ${DisputeStatus.lost}) then d.amount_minor else 0 end
          as broken
        from payment.dispute as d
        full join (
          select event_id, payment_id, split_part(reference, ':', 1) as dispute_ref, bool_or(kind = 'chargeback') as was_taken,
            sum(amount_minor) as away
          from payment.ledger_entry
          where kind in ('chargeback', 'chargeback_reversal') and account = 'chargebacks'
          group by event_id, payment_id, split_part(reference, ':', 1)
        ) as p using (event_id, payment_id, dispute_ref)
        where ${eventId}::uuid is null or event_id = ${eventId}::uuid
      ) as disputes`,
  },
];
