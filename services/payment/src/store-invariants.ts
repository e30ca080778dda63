// The promises that payment can see, as queries. Each returns how much it looked at and what breaks the promise.

import { CallerGoneError, type Caller } from "#shared/batcher";
import type { Sql, Transaction } from "#shared/sql";
import { pendingDaysMax } from "./domain/pending-refund.ts";
import { refusalsToLookAt } from "./domain/refusal-backoff.ts";
import { readSnapshot } from "./snapshot.ts";
import { waitsForDispute } from "./refund-row.ts";
import { lateMoneyQueries } from "./store-invariants-late-money.ts";

/** How one promise stands. */
export type InvariantCheck = {
  /** Number of the promise in docs/architecture.md. */
  promise: number;
  name: string;
  description: string;
  violations: number;
  examined: number;
  /** Up to ten ids. */
  examples: string[];
};

/** Checks the promises. */
export type InvariantStore = {
  /**
   * Checks them all on one snapshot; only those of an event where one is given. Throws CallerGoneError before the next check
   * once nobody waits any more.
   */
  check(eventId: string | undefined, caller?: Caller): Promise<InvariantCheck[]>;
};

/** What a check found. */
export type Found = { violations: number; examined: number; examples: string[] };
/** A check: its query takes an event, or null for all of them. */
export type InvariantQuery = Pick<InvariantCheck, "promise" | "name" | "description"> & {
  query: (tx: Transaction, eventId: string | null) => Promise<Found[]>;
};

/** Returns the invariant store. */
export function createInvariantStore(sql: Sql): InvariantStore {
  return {
    check: (eventId, { deadlineAtMs, isGone } = { deadlineAtMs: Infinity }) =>
      readSnapshot(sql, async (tx) => {
        const checks: InvariantCheck[] = [];
        for (const { query, ...about } of queries) {
          if (isGone?.() || Date.now() >= deadlineAtMs) throw new CallerGoneError("the caller no longer waits");
          const [found] = await query(tx, eventId ?? null);
          checks.push({ ...about, ...found! });
        }
        return checks;
      }),
  };
}

const queries: InvariantQuery[] = [
  {
    promise: 5,
    name: "payment.captured_once",
    description:
      "payments whose capture postings are not exactly one of their amount once captured, and none otherwise",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
      from (
        select payment_id, case
            when p.state in (5, 8, 9) then
              e.amount_minor is distinct from p.amount_minor or e.currency_code is distinct from p.currency_code
            else t.kind is not null
          end as broken
        from payment.payment as p
        full join (select * from payment.ledger_transaction where kind = 'capture') as t using (event_id, payment_id)
        left join (
          select * from payment.ledger_entry where account = 'provider_receivable' and kind = 'capture'
        ) as e using (event_id, payment_id)
        where ${eventId}::uuid is null or event_id = ${eventId}::uuid
      ) as payments`,
  },
  {
    promise: 5,
    name: "payment.refunds_posted_once",
    description: "refunds whose postings are not exactly one of their amounts once done, and none otherwise",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id || ':' || reference) filter (where broken))[1:10], '{}') as examples
      from (
        select payment_id, reference, case
            when f.finished_at is null then t.kind is not null
            else t.kind is null or (e.paid_back, e.returned) <> (f.amount_minor, f.returned_minor)
          end as broken
        from (select *, refund_id::text as reference from payment.refund) as f
        full join (
          -- Those from before there could be several have no reference.
          select t.event_id, t.payment_id, t.kind, coalesce(nullif(t.reference, ''), w.refund_id::text, '') as reference,
            t.reference as posted_as
          from payment.ledger_transaction as t
          left join payment.refund as w on w.event_id = t.event_id and w.payment_id = t.payment_id and t.reference = ''
          where t.kind = 'refund'
        ) as t using (event_id, payment_id, reference)
        left join (
          select event_id, payment_id, reference as posted_as,
            -- By the provider, or by a dispute that was lost.
            coalesce(-sum(amount_minor) filter (where account in ('provider_receivable', 'chargebacks')), 0) as paid_back,
            coalesce(sum(amount_minor) filter (where account = 'ticket_refunds'), 0) as returned
          from payment.ledger_entry
          where kind = 'refund'
          group by event_id, payment_id, reference
        ) as e using (event_id, payment_id, posted_as)
        where ${eventId}::uuid is null or event_id = ${eventId}::uuid
      ) as refunds`,
  },
  {
    promise: 5,
    name: "payment.refunded_within_captured",
    description: "payments whose refunds are more than was captured, or not what the payment says was refunded so far",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
      from (
        select p.payment_id, coalesce(sum(f.amount_minor), 0) > case when p.state in (5, 8, 9) then p.amount_minor else 0 end
            or coalesce(sum(f.amount_minor) filter (where f.finished_at is not null), 0) <> p.refunded_minor
            or coalesce(sum(f.returned_minor) filter (where f.finished_at is not null), 0) <> p.returned_minor
            or (count(*) filter (where f.finished_at is null and f.refund_id is not null) > 0) <> (p.state = 8) as broken
        from payment.payment as p
        -- A repayment pays what is counted already.
        left join payment.refund as f
          on f.event_id = p.event_id and f.payment_id = p.payment_id and f.repays is null
        where ${eventId}::uuid is null or p.event_id = ${eventId}::uuid
        group by p.event_id, p.payment_id
      ) as payments`,
  },
  {
    promise: 5,
    name: "payment.none_stuck",
    description:
      "payments that have waited more than 60 s for the provider's answer, or, as authorisations, for being asked about; refunds " +
      `and repayments that wait as long for an answer, that the provider says are pending, for ${pendingDaysMax} days, or that it was not asked about in time`,
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where stuck) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where stuck))[1:10], '{}') as examples
      from (
        -- How long an unclear authorisation may take is the caller's to say: it voids what it gives up.
        select event_id, payment_id,
          case state when 1 then attempted_at else updated_at end < now() - interval '60 seconds' as stuck
        from payment.payment
        -- What the provider refused for good waits for no answer; see nothing_refused.
        where state in (1, 4, 6) and refusals = 0
        union all
        select event_id, payment_id, case
            when pending_since is not null
              then pending_since < now() - ${pendingDaysMax}::int * interval '1 day'
                or retry_at < now() - interval '60 seconds'
            -- A pause after a refusal counts for nothing, also after one of which it is not sure that nothing was made.
            else coalesce(greatest(asked_at, retry_at), created_at) < now() - interval '60 seconds'
          end as stuck
        from payment.refund as f
        where finished_at is null and (refusals = 0 or asked_at is not null)
          -- Nor does a refund while the customer's bank has the money.
          and not ${waitsForDispute(tx)}
      ) as pending
      where ${eventId}::uuid is null or event_id = ${eventId}::uuid`,
  },
  {
    promise: 5,
    name: "payment.nothing_refused",
    description:
      "payments that their provider refused to void or refund three times or more, or whose refund failed so often, or that nobody " +
      "asks for by itself: a person has to look",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
      from (
        select event_id, payment_id, refusals >= ${refusalsToLookAt} or retry_at = 'infinity' as broken
        from payment.payment
        where state = 6
        union all
        select event_id, payment_id, refusals >= ${refusalsToLookAt} or retry_at = 'infinity'
        from payment.refund as f
        where finished_at is null and pending_since is null and not ${waitsForDispute(tx)}
      ) as pending
      where ${eventId}::uuid is null or event_id = ${eventId}::uuid`,
  },
  ...lateMoneyQueries,
  {
    promise: 6,
    name: "payment.fees_of_captures",
    description: "fees that were posted although nothing was captured, or that are still to be asked for",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
      from (
        select payment_id, p.state is null or p.state not in (5, 8, 9) or d.asks is not null as broken
        from payment.ledger_transaction as t
        left join payment.payment as p using (event_id, payment_id)
        left join payment.fee_due as d using (event_id, payment_id)
        where t.kind = 'fee' and (${eventId}::uuid is null or event_id = ${eventId}::uuid)
      ) as fees`,
  },
  {
    promise: 6,
    name: "payment.transactions_balance",
    description: "ledger transactions without entries, or whose entries do not add up to zero in each currency",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id || ':' || kind) filter (where broken))[1:10], '{}') as examples
      from (
        select event_id, payment_id, kind, reference, bool_or(total is distinct from 0) as broken
        from payment.ledger_transaction as t
        left join (
          select event_id, payment_id, kind, reference, currency_code, sum(amount_minor) as total
          from payment.ledger_entry
          group by event_id, payment_id, kind, reference, currency_code
        ) as e using (event_id, payment_id, kind, reference)
        where ${eventId}::uuid is null or event_id = ${eventId}::uuid
        group by event_id, payment_id, kind, reference
      ) as transactions`,
  },
  {
    promise: 6,
    name: "payment.currencies_balance",
    description: "currencies whose ledger entries do not add up to zero",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where total <> 0) as violations, count(*) as examined,
        coalesce((array_agg(currency_code) filter (where total <> 0))[1:10], '{}') as examples
      from (
        select currency_code, sum(amount_minor) as total
        from payment.ledger_entry
        where ${eventId}::uuid is null or event_id = ${eventId}::uuid
        group by currency_code
      ) as currencies`,
  },
  {
    promise: 6,
    name: "payment.ledger_is_chained",
    description:
      "ledger transactions that are not sealed a minute after they were posted, or whose link does not follow the one before",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id || ':' || kind) filter (where broken))[1:10], '{}') as examples
      from (
        select t.payment_id, t.kind, case
            when l.link_no is null then t.created_at < now() - interval '60 seconds'
            when l.link_no = 1 then l.previous_hash <> decode(repeat('00', 32), 'hex')
            else p.hash is distinct from l.previous_hash
          end or coalesce(l.hash <> sha256(l.previous_hash || l.content_hash), false) as broken
        from payment.ledger_transaction as t
        left join payment.ledger_link as l
          on l.event_id = t.event_id and l.payment_id = t.payment_id and l.kind = t.kind and l.reference = t.reference
        left join payment.ledger_link as p on p.link_no = l.link_no - 1
        where ${eventId}::uuid is null or t.event_id = ${eventId}::uuid
      ) as links`,
  },
];
