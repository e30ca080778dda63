// What a batch locks, always in this order, so that batches wait for each other but never in a circle: stock rows by key,
// then customers by hash, and last of all the keys of new holds, by key.
//
// A statement of a transaction sees what was committed before that statement began. Locks are therefore taken in
// statements of their own, and whatever is read after them is the truth until the transaction ends. The statements may be
// sent without waiting in between: the server runs them one after the other.

import type { Transaction } from "#shared/sql";
import { areaKey, type Area, type AreaRef } from "../domain/area.ts";
import { BrokenInvariantError } from "../domain/broken-invariant.ts";
import { createWorkingStock, type Stock, type WorkingStock } from "../domain/stock.ts";

/** A customer of an event. */
export type CustomerRef = { eventId: string; customerId: string };

/** Locks the stock of areas and returns it, by area key. Throws where an area has none. */
export async function lockStock(tx: Transaction, areas: ReadonlyMap<string, Area>): Promise<Map<string, WorkingStock>> {
  const refs = [...areas.values()];
  const rows = await tx<(AreaRef & Stock)[]>`
    select s.event_id as "eventId", s.area_id as "areaId", s.free, s.held, s.sold, s.blocked, s.seat_map as "seatMap"
    from unnest(${refs.map((ref) => ref.eventId)}::uuid[], ${refs.map((ref) => ref.areaId)}::text[])
      as k (event_id, area_id)
    join inventory.stock s on s.event_id = k.event_id and s.area_id = k.area_id
    order by s.event_id, s.area_id
    for no key update of s`;
  if (rows.length !== areas.size)
    throw new BrokenInvariantError(`${areas.size} areas have ${rows.length} rows of stock`);
  return new Map(
    rows.map(({ eventId, areaId, ...stock }) => {
      const key = areaKey({ eventId, areaId });
      return [key, createWorkingStock(areas.get(key)!.chart, stock)];
    }),
  );
}

/**
 * Locks customers until the transaction ends. Whoever makes a customer own more (a hold), or own it for longer (confirm,
 * extend), holds this lock: what is counted under it stays true on all areas and in all replicas. Locks are by hash: two
 * customers that share one merely wait for each other. A batch takes one lock an item at most, in shared memory of a fixed
 * size (max_locks_per_transaction times max_connections); where that is full the batch fails as unknown and is repeated.
 */
export async function lockCustomers(tx: Transaction, customers: readonly CustomerRef[]): Promise<void> {
  if (customers.length === 0) return;
  await tx`
    select pg_advisory_xact_lock(event_hash, customer_hash)
    from (
      select distinct hashtext(k.event_id::text) as event_hash, hashtext(k.customer_id) as customer_hash
      from unnest(${customers.map((customer) => customer.eventId)}::uuid[],
        ${customers.map((customer) => customer.customerId)}::text[]) as k (event_id, customer_id)
      order by 1, 2
      offset 0
    ) as sorted`;
}

/** Returns the database's clock, in whole milliseconds, as of this statement. */
export async function readClock(tx: Transaction): Promise<Date> {
  const [row] = await tx<{ now: Date }[]>`select clock_timestamp() as now`;
  return row!.now;
}
