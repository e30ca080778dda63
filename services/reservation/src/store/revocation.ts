import type { Sql } from "#shared/sql";

/**
 * Returns the parts of a statement that revoke the live tickets of bookings which are being refunded. `bookings` is SQL that
 * yields their rows.
 */
export function revocation(sql: Sql, bookings: ReturnType<Sql>) {
  return sql`
    refunded as materialized (
      -- In key order: gates lock tickets.
      select t.event_id, t.ticket_id
      from (${bookings}) as r join reservation.ticket t using (event_id, reservation_id)
      where t.revoked_at is null
      order by t.event_id, t.ticket_id
      for update of t
    ), revoked as (
      update reservation.ticket t
      set revoked_at = clock_timestamp(), revoke_reason = 'refunded', epoch = t.epoch + 1, epoch_at = clock_timestamp()
      from refunded
      where t.event_id = refunded.event_id and t.ticket_id = refunded.ticket_id
    )`;
}
