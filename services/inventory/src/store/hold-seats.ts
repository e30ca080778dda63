// One batch of hold commands, one transaction.

import { violatedConstraint, type Sql, type Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { areaKey, type Area, type AreaRef } from "../domain/area.ts";
import { BrokenInvariantError } from "../domain/broken-invariant.ts";
import { decideHolds, type HoldCommand, type HoldsContext, type HoldSeatsOutcome } from "../domain/decide-holds.ts";
import { customerKey, type Hold, type HoldRef } from "../domain/hold.ts";
import { copyStock, moveStock, type WorkingStock } from "../domain/stock.ts";
import { lockCustomers, lockStock, readClock, type CustomerRef } from "./locks.ts";
import { readHolds, readOwned } from "./read-holds.ts";
import { writeStock } from "./write-stock.ts";

// A key that another batch inserts into another area at the same moment is seen on the next try.
const triesMax = 3;
// Lapsed holds that a batch ends at once where an area runs short, and how often it looks for more.
const reclaimedMax = 2_000;
const reclaimRoundsMax = 10;

/**
 * Holds seats for a batch of commands and returns an outcome for each, in order. `areas` are those of the commands' areas
 * that exist. When it returns, what it says is durable; when it throws, nothing of the batch is known.
 */
export async function holdSeats(
  sql: Sql,
  commands: readonly HoldCommand[],
  areas: ReadonlyMap<string, Area>,
): Promise<HoldSeatsOutcome[]> {
  for (let triesLeft = triesMax; ; triesLeft -= 1) {
    try {
      return await transact(sql, (tx) => tryHoldSeats(tx, commands, areas));
    } catch (error) {
      if (violatedConstraint(error) !== "hold_pkey" || triesLeft === 1) throw error;
    }
  }
}

async function tryHoldSeats(
  tx: Transaction,
  commands: readonly HoldCommand[],
  areas: ReadonlyMap<string, Area>,
): Promise<HoldSeatsOutcome[]> {
  const customers = limitedCustomers(commands, areas);
  const [stocks, , now, known, owned] = await Promise.all([
    lockStock(tx, areas),
    lockCustomers(tx, customers),
    readClock(tx),
    readHolds(tx, [...commands, ...replacedHolds(commands)]),
    readOwned(tx, customers),
  ]);
  const decide = () => {
    const context: HoldsContext = { now, areas, known, stocks: copyStocks(stocks), owned: new Map(owned) };
    return { ...decideHolds(commands, context), stocks: context.stocks };
  };
  let decision = decide();
  for (let round = 0; round < reclaimRoundsMax && decision.short.length > 0; round += 1) {
    if (!(await reclaimLapsed(tx, { areas: decision.short, stocks, now }))) break;
    decision = decide();
  }
  await Promise.all([insertHolds(tx, decision.made), writeStock(tx, areas, decision.stocks)]);
  return decision.outcomes;
}

function limitedCustomers(commands: readonly HoldCommand[], areas: ReadonlyMap<string, Area>): CustomerRef[] {
  const customers = new Map<string, CustomerRef>();
  for (const command of commands) {
    if ((areas.get(areaKey(command))?.terms.customerLimit ?? 0) > 0) customers.set(customerKey(command), command);
  }
  return [...customers.values()];
}

function replacedHolds(commands: readonly HoldCommand[]): HoldRef[] {
  return commands.flatMap(({ eventId, replacesHoldId }) =>
    replacesHoldId === undefined ? [] : [{ eventId, holdId: replacesHoldId }],
  );
}

function copyStocks(stocks: ReadonlyMap<string, WorkingStock>): Map<string, WorkingStock> {
  return new Map([...stocks].map(([key, stock]) => [key, copyStock(stock)]));
}

// Ends the holds of these areas that have lapsed, puts their seats back into `stocks`, and returns whether there were any.
// A subquery for each area and a list of seats of its own leave the planner nothing but index lookups: joined, it has read
// every live hold, or every claim of an area for each hold in it.
async function reclaimLapsed(
  tx: Transaction,
  options: { areas: readonly AreaRef[]; stocks: ReadonlyMap<string, WorkingStock>; now: Date },
): Promise<boolean> {
  const { areas, stocks, now } = options;
  const lapsed = await tx<(AreaRef & Pick<Hold, "quantity" | "seats"> & { claims: number })[]>`
    with lapsed as materialized (
      select k.event_id, l.hold_id
      from unnest(${areas.map((area) => area.eventId)}::uuid[], ${areas.map((area) => area.areaId)}::text[])
        as k (event_id, area_id)
      cross join lateral (
        select h.hold_id
        from inventory.hold h
        where h.event_id = k.event_id and h.area_id = k.area_id and h.state = 'held' and h.expires_at <= ${now}
        order by h.expires_at
        limit ${reclaimedMax}
      ) as l
      limit ${reclaimedMax}
    ), ended as (
      update inventory.hold h
      set state = 'expired', ended_at = clock_timestamp()
      from lapsed l
      where h.event_id = l.event_id and h.hold_id = l.hold_id
      returning h.event_id, h.area_id, h.hold_id, h.quantity, h.seats
    ), owned as materialized (
      select e.event_id, e.area_id, s.seat, e.hold_id from ended e, unnest(e.seats) as s (seat)
    ), freed as (
      delete from inventory.seat_claim c
      using owned o
      where c.event_id = o.event_id and c.area_id = o.area_id and c.seat = o.seat and c.hold_id = o.hold_id
      returning 1
    )
    select event_id as "eventId", area_id as "areaId", quantity, seats, (select count(*) from freed) as claims
    from ended`;
  const seats = lapsed.reduce((sum, hold) => sum + hold.seats.length, 0);
  const claims = lapsed[0]?.claims ?? 0;
  if (claims !== seats) throw new BrokenInvariantError(`lapsed holds of ${seats} seats had ${claims} claims`);
  for (const hold of lapsed) moveStock(stocks.get(areaKey(hold))!, { ...hold, from: "held", to: "free" });
  return lapsed.length > 0;
}

// Plain inserts: a key or a seat that has an owner already fails the batch, on whose ground nothing was promised yet.
// `on conflict do nothing` would say the same at 1.3 to 2 times the cost for every row that has no conflict.
async function insertHolds(tx: Transaction, holds: readonly Hold[]): Promise<void> {
  if (holds.length === 0) return;
  await tx`
    with made as (
      insert into inventory.hold
        (event_id, hold_id, area_id, customer_id, quantity, seats, selection, created_at, expires_at)
      select event_id, hold_id, area_id, customer_id, quantity, seats::int[], selection, ${holds[0]!.createdAt}, expires_at
      from unnest(
        ${holds.map((hold) => hold.eventId)}::uuid[],
        ${holds.map((hold) => hold.holdId)}::uuid[],
        ${holds.map((hold) => hold.areaId)}::text[],
        ${holds.map((hold) => hold.customerId)}::text[],
        ${holds.map((hold) => hold.quantity)}::int[],
        ${holds.map((hold) => `{${hold.seats.join(",")}}`)}::text[],
        ${holds.map((hold) => hold.selection)}::text[],
        ${holds.map((hold) => hold.expiresAt.toISOString())}::timestamptz[]
      ) as h (event_id, hold_id, area_id, customer_id, quantity, seats, selection, expires_at)
      order by event_id, hold_id
      returning event_id, area_id, hold_id, seats
    )
    insert into inventory.seat_claim (event_id, area_id, seat, hold_id)
    select event_id, area_id, seat, hold_id
    from made, unnest(made.seats) as seat`;
}
