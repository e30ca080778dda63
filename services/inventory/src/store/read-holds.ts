// Reading holds.

import type { Sql, Transaction } from "#shared/sql";
import type { AreaRef } from "../domain/area.ts";
import { customerKey, holdKey, type Hold, type HoldRef } from "../domain/hold.ts";
import type { CustomerRef } from "./locks.ts";

/** Returns those of the holds that exist, as they are stored, by hold key. */
export async function readHolds(sql: Sql | Transaction, refs: readonly HoldRef[]): Promise<Map<string, Hold>> {
  const holds = await sql<Hold[]>`
    select
      h.event_id as "eventId", h.hold_id as "holdId", h.area_id as "areaId", h.customer_id as "customerId",
      h.quantity, h.seats, h.selection, h.state, h.created_at as "createdAt", h.expires_at as "expiresAt"
    from unnest(${refs.map((ref) => ref.eventId)}::uuid[], ${refs.map((ref) => ref.holdId)}::uuid[])
      as k (event_id, hold_id)
    join inventory.hold h on h.event_id = k.event_id and h.hold_id = k.hold_id`;
  return new Map(holds.map((hold) => [holdKey(hold), hold]));
}

/** Returns those of the holds that exist, as they stand by the database's clock, by hold key. */
export async function readHoldsAsTheyStand(sql: Sql, refs: readonly HoldRef[]): Promise<Map<string, Hold>> {
  if (refs.length === 0) return new Map();
  const holds = await sql<Hold[]>`
    select
      h.event_id as "eventId", h.hold_id as "holdId", h.area_id as "areaId", h.customer_id as "customerId",
      h.quantity, h.seats, h.selection, h.created_at as "createdAt", h.expires_at as "expiresAt",
      case when h.state = 'held' and h.expires_at <= clock_timestamp() then 'expired' else h.state end as state
    from unnest(${refs.map((ref) => ref.eventId)}::uuid[], ${refs.map((ref) => ref.holdId)}::uuid[])
      as k (event_id, hold_id)
    join inventory.hold h on h.event_id = k.event_id and h.hold_id = k.hold_id`;
  return new Map(holds.map((hold) => [holdKey(hold), hold]));
}

/** Returns how many seats customers own, by customer key: confirmed holds and those alive by the database's clock. */
export async function readOwned(tx: Transaction, customers: readonly CustomerRef[]): Promise<Map<string, number>> {
  if (customers.length === 0) return new Map();
  // A subquery for each customer, not a join: it can't be planned as anything but an index lookup each.
  const rows = await tx<(CustomerRef & { owned: number })[]>`
    select k.event_id as "eventId", k.customer_id as "customerId", (
      select coalesce(sum(h.quantity), 0)::int
      from inventory.hold h
      where h.event_id = k.event_id and h.customer_id = k.customer_id and h.state in ('held', 'confirmed')
        and (h.state = 'confirmed' or h.expires_at > clock_timestamp())
    ) as owned
    from unnest(${customers.map((customer) => customer.eventId)}::uuid[],
      ${customers.map((customer) => customer.customerId)}::text[]) as k (event_id, customer_id)`;
  return new Map(rows.map((row) => [customerKey(row), row.owned]));
}

/** Returns up to `limit` holds that have lapsed and are not ended yet, the oldest first. */
export async function findLapsed(sql: Sql, limit: number): Promise<(HoldRef & AreaRef)[]> {
  return await sql<(HoldRef & AreaRef)[]>`
    select event_id as "eventId", hold_id as "holdId", area_id as "areaId"
    from inventory.hold
    where state = 'held' and expires_at <= now()
    order by expires_at
    limit ${limit}`;
}
