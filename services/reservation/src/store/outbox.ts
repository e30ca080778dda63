import type { Sql } from "#shared/sql";

/** Messages that one statement wrote for one event. */
export type OutboxRow = { eventId: string; outboxId: number; messages: OutboxMessage[] };

/** A message as it is published; `type` is one of EventType, the rest are the booking's facts. */
export type OutboxMessage = { type: string; event_id: string; reservation_id: string; refund_id?: string };

/**
 * Takes up to `limit` rows that no relay works on, and keeps others away from them for `leaseMs`. Rows are claimed by
 * their state, never by "id greater than the last": sequences commit out of order. Rows that wait equally long come in the
 * index's order, so that a long queue is not sorted for every few rows.
 */
export async function claimOutbox(
  sql: Sql,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<OutboxRow[]> {
  return await sql<OutboxRow[]>`
    update reservation.outbox o
    set claimed_until = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
    where (o.event_id, o.outbox_id) in (
      select event_id, outbox_id
      from reservation.outbox
      where claimed_until <= now()
      order by claimed_until
      limit ${limit}
      for update skip locked)
    returning o.event_id as "eventId", o.outbox_id as "outboxId", o.messages`;
}

/** Removes rows that were published. */
export async function deleteOutbox(sql: Sql, rows: readonly Pick<OutboxRow, "eventId" | "outboxId">[]): Promise<void> {
  await sql`
    delete from reservation.outbox
    where (event_id, outbox_id) in (
      select * from unnest(${rows.map((row) => row.eventId)}::uuid[], ${rows.map((row) => row.outboxId)}::bigint[]))`;
}

/** Lets others take rows at once that could not be published. */
export async function returnOutbox(sql: Sql, rows: readonly Pick<OutboxRow, "eventId" | "outboxId">[]): Promise<void> {
  await sql`
    update reservation.outbox
    set claimed_until = '-infinity'
    where (event_id, outbox_id) in (
      select * from unnest(${rows.map((row) => row.eventId)}::uuid[], ${rows.map((row) => row.outboxId)}::bigint[]))`;
}

/** Returns how many rows wait to be published, counting no further than `max`. */
export async function countOutbox(sql: Sql, max: number): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from (select from reservation.outbox limit ${max}) as waiting`;
  return row!.count;
}
