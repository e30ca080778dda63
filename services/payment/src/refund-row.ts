// A refund as it lies in the database.

import type { Sql, Transaction } from "#shared/sql";
import { DisputeStatus } from "./domain/dispute.ts";
import { pendingLongestMs } from "./domain/pending-refund.ts";
import type { Refund } from "./domain/refund.ts";

/** What the stores select of a refund. */
export type RefundRow = Omit<Refund, "finishedAt" | "repays" | "pendingSince" | "retryAfterMs"> & {
  finishedAt: Date | null;
  repays: string | null;
  pendingSince: Date | null;
  retryAfterMs: number | null;
};

/** Returns the columns of a RefundRow, of a row of `payment.refund` that has no other name. */
export function refundColumns(sql: Sql | Transaction) {
  // While a bank has the money the provider refuses, which would use refusals up; the dispute's end wakes what waits. What is on
  // its way already is asked about all the same.
  return sql`
    refund.refund_id as "refundId", refund.whole, refund.amount_minor as "amountMinor",
    refund.returned_minor as "returnedMinor", refund.covered_minor as "coveredMinor", refund.repays,
    refund.created_at as "createdAt", refund.finished_at as "finishedAt", refund.refusals,
    refund.pending_since as "pendingSince",
    coalesce(refund.retry_at <= clock_timestamp(), true) and (refund.pending_since is not null or not exists (
      select from payment.dispute as d
      where d.event_id = refund.event_id and d.payment_id = refund.payment_id and d.status = ${DisputeStatus.open}
    )) as "isRetryDue",
    case
      when refund.finished_at is not null then null
      when refund.pending_since is not null
        then greatest(0, extract(epoch from refund.retry_at - clock_timestamp()) * 1000)::int
      -- Disputes take months; their end comes by webhook.
      when refund.amount_minor > refund.covered_minor and exists (
        select from payment.dispute as d
        where d.event_id = refund.event_id and d.payment_id = refund.payment_id and d.status = ${DisputeStatus.open}
      ) then ${pendingLongestMs}::int
    end as "retryAfterMs",
    -- The others, of which a statement that writes this one sees all.
    (refund.covered_minor + (
      select coalesce(sum(o.covered_minor), 0)
      from payment.refund as o
      where o.event_id = refund.event_id and o.payment_id = refund.payment_id and o.refund_id <> refund.refund_id
    ))::bigint as "coveredInAllMinor"`;
}

/** Returns the refund of a row. */
export function refundFromRow({ finishedAt, repays, pendingSince, retryAfterMs, ...refund }: RefundRow): Refund {
  return {
    ...refund,
    finishedAt: finishedAt ?? undefined,
    repays: repays ?? undefined,
    pendingSince: pendingSince ?? undefined,
    retryAfterMs: retryAfterMs ?? undefined,
  };
}
