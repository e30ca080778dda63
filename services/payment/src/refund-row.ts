// A refund as it lies in the database.

import type { Sql, Transaction } from "#shared/sql";
import { DisputeStatus } from "./domain/dispute.ts";
import { pendingLongestMs } from "./domain/pending-refund.ts";
import { refusalsMax } from "./domain/refusal-backoff.ts";
import type { Refund } from "./domain/refund.ts";

/** What the stores select of a refund. */
export type RefundRow = Omit<Refund, "finishedAt" | "repays" | "owedSince" | "pendingSince" | "retryAfterMs"> & {
  finishedAt: Date | null;
  repays: string | null;
  owedSince: Date | null;
  pendingSince: Date | null;
  retryAfterMs: number | null;
};

/** Returns the columns of a RefundRow, of a row of `payment.refund` called `f`. */
export function refundColumns(sql: Sql | Transaction) {
  return sql`
    f.refund_id as "refundId", f.whole, f.amount_minor as "amountMinor", f.returned_minor as "returnedMinor",
    f.covered_minor as "coveredMinor", f.repays, f.created_at as "createdAt", f.finished_at as "finishedAt", f.refusals,
    f.pending_since as "pendingSince", coalesce(f.retry_at <= clock_timestamp(), true) as "isRetryDue",
    ${waitsForDispute(sql)} as "waitsForDispute",
    (
      select r.finished_at from payment.refund as r
      where r.event_id = f.event_id and r.payment_id = f.payment_id and r.refund_id = f.repays
    ) as "owedSince",
    array(
      select r.provider_ref from payment.refund as r
      where r.event_id = f.event_id and r.payment_id = f.payment_id and r.finished_at is not null
    ) as "bookedRefs",
    case
      when f.finished_at is not null then null
      when f.pending_since is not null
        then greatest(0, extract(epoch from f.retry_at - clock_timestamp()) * 1000)::int
      -- Disputes take months, however often callers ask.
      when ${waitsForDispute(sql)} then ${pendingLongestMs}::int
    end as "retryAfterMs",
    (
      select sum(o.covered_minor) from payment.refund as o where o.event_id = f.event_id and o.payment_id = f.payment_id
    )::bigint as "coveredInAllMinor"`;
}

/**
 * Returns the condition that a refund waits for the end of a dispute, of a row of `payment.refund` called `f`: while the
 * customer's bank has the money the provider refuses, which would use refusals up. What the provider may have made already is
 * asked about all the same, and what nobody is asked for needs no waiting.
 */
export function waitsForDispute(sql: Sql | Transaction) {
  return sql`(
    f.finished_at is null and f.asked_at is null and f.covered_minor < f.amount_minor and exists (
      select from payment.dispute as d
      where d.event_id = f.event_id and d.payment_id = f.payment_id and d.status = ${DisputeStatus.open}))`;
}

/**
 * Returns the condition that a repayment is left to a person, of a row of `payment.refund` called `f`: nobody asks for it by
 * itself although it was not given up, since somebody may have paid it back otherwise.
 */
export function isLeftToPerson(sql: Sql | Transaction) {
  return sql`(
    f.repays is not null and f.refusals < ${refusalsMax} and f.retry_at is not distinct from 'infinity'::timestamptz)`;
}

/** Returns the refund of a row. */
export function refundFromRow({
  finishedAt,
  repays,
  owedSince,
  pendingSince,
  retryAfterMs,
  ...refund
}: RefundRow): Refund {
  return {
    ...refund,
    finishedAt: finishedAt ?? undefined,
    repays: repays ?? undefined,
    owedSince: owedSince ?? undefined,
    pendingSince: pendingSince ?? undefined,
    retryAfterMs: retryAfterMs ?? undefined,
  };
}
