// One batch of changes to holds that exist (confirm, release, extend, expire), one transaction.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { areaKey, type Area } from "../domain/area.ts";
import { BrokenInvariantError } from "../domain/broken-invariant.ts";
import {
  customerKey,
  givenUp,
  holdKey,
  stockPartOf,
  type Hold,
  type HoldDecision,
  type HoldRef,
} from "../domain/hold.ts";
import { moveStock, type WorkingStock } from "../domain/stock.ts";
import type { AreaCatalog } from "./area-catalog.ts";
import { insertReturns, type Return } from "./insert-returns.ts";
import { lockCustomers, lockStock, readClock, type CustomerRef } from "./locks.ts";
import { readHolds } from "./read-holds.ts";
import { writeStock } from "./write-stock.ts";

/** Decides one command about a hold, at the time of the database's clock. */
export type DecideChange<Command> = (hold: Hold, command: Command, facts: { now: Date; area: Area }) => HoldDecision;

/** What a command came to, with the area of its hold where there is one. */
export type AnsweredChange = { outcome: HoldDecision; area: Area | undefined };

/** How a batch of commands changes holds. */
export type ChangeOptions<Command> = {
  sql: Sql;
  catalog: AreaCatalog;
  decide: DecideChange<Command>;
  /** True where a change can make a customer own seats for longer than their hold said. */
  prolongs: boolean;
};

type Change = { before: Hold; after: Hold };

/**
 * Decides commands about holds, each on the outcome of those before it, and returns a decision for each, in order. When
 * it returns, what it says is durable; when it throws, nothing of the batch is known.
 */
export async function changeHolds<Command extends HoldRef>(
  commands: readonly Command[],
  options: ChangeOptions<Command>,
): Promise<AnsweredChange[]> {
  const { sql, catalog, prolongs } = options;
  // A hold's area and customer never change, so what to lock may be read before anything is locked.
  const holds = [...(await readHolds(sql, commands)).values()];
  const areas = await catalog.load(holds);
  if (areas.size === 0) return commands.map(() => ({ outcome: { kind: "notFound" }, area: undefined }));
  const customers = prolongs ? limitedCustomers(holds, areas) : [];
  return await transact(sql, (tx) => change(tx, { commands, holds, areas, customers, ...options }));
}

async function change<Command extends HoldRef>(
  tx: Transaction,
  options: ChangeOptions<Command> & {
    commands: readonly Command[];
    holds: readonly HoldRef[];
    areas: ReadonlyMap<string, Area>;
    customers: readonly CustomerRef[];
  },
): Promise<AnsweredChange[]> {
  const { commands, holds, areas, customers, decide } = options;
  // Only the holds whose area and customer are locked: one that was made since then is not found.
  const [stocks, , now, stored] = await Promise.all([
    lockStock(tx, areas),
    lockCustomers(tx, customers),
    readClock(tx),
    readHolds(tx, holds),
  ]);
  const current = new Map(stored);
  const returns: Return[] = [];
  const answers = commands.map((command): AnsweredChange => {
    const hold = current.get(holdKey(command));
    const area = hold && areas.get(areaKey(hold));
    if (!area) return { outcome: { kind: "notFound" }, area: undefined };
    const outcome = decide(hold, command, { now, area });
    if (outcome.kind === "hold") {
      const step = { before: hold, after: outcome.hold };
      const blocked = outcome.blocksSeats ?? false;
      applyToStock(stocks.get(areaKey(hold))!, step, blocked);
      if (hold.state === "confirmed") returns.push(...returnsOf(step, blocked));
      current.set(holdKey(hold), outcome.hold);
    }
    return { outcome, area };
  });
  const changes = [...stored.values()]
    .map((before): Change => ({ before, after: current.get(holdKey(before))! }))
    .filter(({ before, after }) => before !== after);
  await Promise.all([
    writeHolds(tx, changes),
    deleteClaims(tx, changes),
    writeStock(tx, areas, stocks),
    insertReturns(tx, returns),
  ]);
  return answers;
}

function limitedCustomers(holds: readonly Hold[], areas: ReadonlyMap<string, Area>): CustomerRef[] {
  const limited = holds.filter((hold) => areas.get(areaKey(hold))!.terms.customerLimit > 0);
  return [...new Map(limited.map((hold) => [customerKey(hold), hold])).values()];
}

function applyToStock(stock: WorkingStock, { before, after }: Change, blocksSeats: boolean): void {
  const from = stockPartOf(before.state);
  const to = stockPartOf(after.state);
  const lost = givenUp(before, after);
  if (lost.quantity > 0)
    moveStock(stock, { quantity: lost.quantity, seats: lost.seats, from, to: blocksSeats ? "blocked" : "free" });
  else if (from !== to) moveStock(stock, { quantity: after.quantity, seats: after.seats, from, to });
}

// Nothing where the hold owns as much as before.
function returnsOf({ before, after }: Change, blocked: boolean): Return[] {
  const { quantity, seats } = givenUp(before, after);
  const quantityLeft = before.quantity - quantity;
  return quantity > 0 ? [{ eventId: after.eventId, holdId: after.holdId, quantityLeft, quantity, seats, blocked }] : [];
}

async function writeHolds(tx: Transaction, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  const { count } = await tx`
    update inventory.hold h
    set state = c.state_after::inventory.hold_state, expires_at = c.expires_at,
      quantity = c.quantity, seats = coalesce(c.seats::int[], h.seats),
      prolonged_at = case when c.expires_at > h.expires_at then clock_timestamp() else h.prolonged_at end,
      confirmed_at = case
        when c.state_after = 'confirmed' and c.state_before <> 'confirmed' then clock_timestamp() else h.confirmed_at end,
      ended_at = case
        when c.state_after not in ('held', 'confirmed') and c.state_after <> c.state_before then clock_timestamp()
        else h.ended_at end
    from unnest(
      ${changes.map(({ after }) => after.eventId)}::uuid[],
      ${changes.map(({ after }) => after.holdId)}::uuid[],
      ${changes.map(({ before }) => before.state)}::text[],
      ${changes.map(({ after }) => after.state)}::text[],
      ${changes.map(({ after }) => after.expiresAt.toISOString())}::timestamptz[],
      ${changes.map(({ after }) => after.quantity)}::int[],
      ${changes.map(({ before, after }) => (before.seats === after.seats ? null : `{${after.seats.join(",")}}`))}::text[]
    ) as c (event_id, hold_id, state_before, state_after, expires_at, quantity, seats)
    where h.event_id = c.event_id and h.hold_id = c.hold_id and h.state = c.state_before::inventory.hold_state`;
  if (count !== changes.length)
    throw new BrokenInvariantError(`${changes.length} holds changed, ${count} were written`);
}

// By hold, not only by seat: whatever comes late about an old hold can't touch the seat's next owner. The seats stand in a
// list of their own, so that each is looked up by the whole key: joined, the planner has read every claim of the area for
// each hold.
async function deleteClaims(tx: Transaction, changes: readonly Change[]): Promise<void> {
  const freed = changes
    .map(({ before, after }) => ({ ...after, seats: givenUp(before, after).seats }))
    .filter((hold) => hold.seats.length > 0);
  const seats = freed.reduce((sum, hold) => sum + hold.seats.length, 0);
  if (seats === 0) return;
  const { count } = await tx`
    with owned as materialized (
      select f.event_id, f.area_id, s.seat, f.hold_id
      from unnest(
        ${freed.map((hold) => hold.eventId)}::uuid[],
        ${freed.map((hold) => hold.areaId)}::text[],
        ${freed.map((hold) => hold.holdId)}::uuid[],
        ${freed.map((hold) => `{${hold.seats.join(",")}}`)}::text[]
      ) as f (event_id, area_id, hold_id, seats), unnest(f.seats::int[]) as s (seat)
    )
    delete from inventory.seat_claim c
    using owned o
    where c.event_id = o.event_id and c.area_id = o.area_id and c.seat = o.seat and c.hold_id = o.hold_id`;
  if (count !== seats) throw new BrokenInvariantError(`${seats} seats were to be freed, ${count} had a claim`);
}
