// The promises that payment can see, as queries. Each returns how much it looked at and what breaks the promise.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { refusalsToLookAt } from "./domain/refusal-backoff.ts";
import { indexLookupSettings } from "#shared/planner-settings";

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
  /** Checks them all on one snapshot; only those of an event where one is given. */
  check(eventId: string | undefined): Promise<InvariantCheck[]>;
};

type Found = { violations: number; examined: number; examples: string[] };
type Query = (tx: Transaction, eventId: string | null) => Promise<Found[]>;

const timeoutMs = 60_000;

/** Returns the invariant store. */
export function createInvariantStore(sql: Sql): InvariantStore {
  return {
    check: (eventId) =>
      transact(
        sql,
        async (tx) => {
          await tx`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
          // These read whole tables, which is what the planner must not do elsewhere.
          await tx`select set_config(name, 'on', true) from unnest(${Object.keys(indexLookupSettings)}::text[]) as s (name)`;
          const checks: InvariantCheck[] = [];
          for (const { query, ...about } of queries) {
            const [found] = await query(tx, eventId ?? null);
            checks.push({ ...about, ...found! });
          }
          return checks;
        },
        "isolation level repeatable read read only",
      ),
  };
}

const queries: (Pick<InvariantCheck, "promise" | "name" | "description"> & { query: Query })[] = [
  {
    promise: 5,
    name: "payment.captured_once",
    description:
      "payments whose capture postings are not exactly one of their amount once captured, and none otherwise",
    query: (tx, eventId) => postingsOf(tx, eventId, { kind: "capture", sign: 1, states: [5, 8, 9] }),
  },
  {
    promise: 5,
    name: "payment.refunded_once",
    description: "payments whose refund postings are not exactly one of their amount once refunded, and none otherwise",
    query: (tx, eventId) => postingsOf(tx, eventId, { kind: "refund", sign: -1, states: [9] }),
  },
  {
    promise: 5,
    name: "payment.none_stuck",
    description:
      "payments that have waited more than 60 s for the provider's answer, or, as authorisations, for being asked about",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where stuck) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where stuck))[1:10], '{}') as examples
      from (
        -- How long an unclear authorisation may take is the caller's to say: it voids what it gives up.
        select payment_id, case state when 1 then attempted_at else updated_at end < now() - interval '60 seconds' as stuck
        from payment.payment
        -- What the provider refused for good waits for no answer; see nothing_refused.
        where state in (1, 4, 6, 8) and refusals = 0 and (${eventId}::uuid is null or event_id = ${eventId}::uuid)
      ) as pending`,
  },
  {
    promise: 5,
    name: "payment.nothing_refused",
    description: "payments that their provider refused to void or refund three times or more: a person has to look",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where refusals >= ${refusalsToLookAt}) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where refusals >= ${refusalsToLookAt}))[1:10], '{}') as examples
      from payment.payment
      where state in (6, 8) and (${eventId}::uuid is null or event_id = ${eventId}::uuid)`,
  },
  {
    promise: 6,
    name: "payment.disputes_posted",
    description: "disputes whose chargeback, or its reversal, is not in the ledger exactly where money moved",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
      from (
        select payment_id, coalesce(p.taken, false) is distinct from coalesce(d.status > 1, false)
          or coalesce(p.returned, false) is distinct from coalesce(d.status = 3, false) as broken
        from payment.dispute as d
        full join (
          select event_id, payment_id, bool_or(kind = 'chargeback') as taken,
            bool_or(kind = 'chargeback_reversal') as returned
          from payment.ledger_transaction
          where kind in ('chargeback', 'chargeback_reversal')
          group by event_id, payment_id
        ) as p using (event_id, payment_id)
        where ${eventId}::uuid is null or event_id = ${eventId}::uuid
      ) as disputes`,
  },
  {
    promise: 6,
    name: "payment.transactions_balance",
    description: "ledger transactions without entries, or whose entries do not add up to zero in each currency",
    query: (tx, eventId) => tx<Found[]>`
      select count(*) filter (where broken) as violations, count(*) as examined,
        coalesce((array_agg(payment_id || ':' || kind) filter (where broken))[1:10], '{}') as examples
      from (
        select event_id, payment_id, kind, bool_or(total is distinct from 0) as broken
        from payment.ledger_transaction as t
        left join (
          select event_id, payment_id, kind, currency_code, sum(amount_minor) as total
          from payment.ledger_entry
          group by event_id, payment_id, kind, currency_code
        ) as e using (event_id, payment_id, kind)
        where ${eventId}::uuid is null or event_id = ${eventId}::uuid
        group by event_id, payment_id, kind
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
];

function postingsOf(
  tx: Transaction,
  eventId: string | null,
  { kind, sign, states }: { kind: "capture" | "refund"; sign: number; states: number[] },
): Promise<Found[]> {
  return tx<Found[]>`
    select count(*) filter (where broken) as violations, count(*) as examined,
      coalesce((array_agg(payment_id::text) filter (where broken))[1:10], '{}') as examples
    from (
      select payment_id, case
          when p.state = any(${states}::smallint[]) then
            e.amount_minor is distinct from ${sign} * p.amount_minor or e.currency_code is distinct from p.currency_code
          else t.kind is not null
        end as broken
      from payment.payment as p
      full join (select * from payment.ledger_transaction where kind = ${kind}) as t using (event_id, payment_id)
      left join (
        select * from payment.ledger_entry where account = 'provider_receivable' and kind = ${kind}
      ) as e using (event_id, payment_id)
      where ${eventId}::uuid is null or event_id = ${eventId}::uuid
    ) as payments`;
}
