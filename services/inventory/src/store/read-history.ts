// What is kept of holds that were, for whoever asks how things came to stand as they do. Nobody waits for these reads in a
// rush.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import type { AreaRef } from "../domain/area.ts";
import type { HoldRecord, HoldReturn } from "../domain/hold-story.ts";
import { seatState, type SeatState } from "../domain/seat-map.ts";

/** A seat and its past. */
export type SeatHistory = {
  state: SeatState;
  ownerHoldId: string | undefined;
  /** The latest holds that ever had it, latest first. */
  holds: HoldRecord[];
  /** How many there are in all. */
  holdsInAll: number;
  /** The database's clock. */
  now: Date;
};

type HoldRow = Omit<HoldRecord, "returns">;

/** Returns those of an event's holds that exist, with the database's clock. */
export async function readHoldRecords(
  sql: Sql,
  { eventId, holdIds }: { eventId: string; holdIds: readonly string[] },
): Promise<{ holds: HoldRecord[]; now: Date }> {
  return await transact(
    sql,
    async (tx) => {
      const holds = await tx<HoldRow[]>`
        select ${recordColumns(tx)}
        from inventory.hold h
        where h.event_id = ${eventId} and h.hold_id = any(${holdIds as string[]}::uuid[])`;
      return { holds: await withReturns(tx, eventId, holds), now: await readNow(tx) };
    },
    "isolation level repeatable read read only",
  );
}

/**
 * Returns a seat with the latest `holdsMax` holds that ever had it, in one snapshot. No index leads from a seat to its past,
 * since keeping one would cost every hold that is made: all holds of the event are read.
 */
export async function readSeatHistory(
  sql: Sql,
  { eventId, areaId, seat, holdsMax }: AreaRef & { seat: number; holdsMax: number },
): Promise<SeatHistory> {
  return await transact(
    sql,
    async (tx) => {
      const [standing] = await tx<{ seatMap: Buffer; ownerHoldId: string | null }[]>`
        select s.seat_map as "seatMap", c.hold_id as "ownerHoldId"
        from inventory.stock s
        left join inventory.seat_claim c
          on c.event_id = s.event_id and c.area_id = s.area_id and c.seat = ${seat}
        where s.event_id = ${eventId} and s.area_id = ${areaId}`;
      const holds = await tx<(HoldRow & { inAll: number })[]>`
        select ${recordColumns(tx)}, count(*) over () as "inAll"
        from inventory.hold h
        where h.event_id = ${eventId} and h.area_id = ${areaId}
          -- A hold that gave a part back does not list it any more.
          and (${seat} = any(h.seats) or h.hold_id in (
            select r.hold_id from inventory.hold_return r where r.event_id = ${eventId} and ${seat} = any(r.seats)))
        order by h.created_at desc, h.hold_id desc
        limit ${holdsMax}`;
      return {
        state: seatState(standing!.seatMap, seat),
        ownerHoldId: standing!.ownerHoldId ?? undefined,
        holdsInAll: holds[0]?.inAll ?? 0,
        holds: await withReturns(
          tx,
          eventId,
          holds.map(({ inAll: _, ...hold }) => hold),
        ),
        now: await readNow(tx),
      };
    },
    "isolation level repeatable read read only",
  );
}

async function withReturns(tx: Transaction, eventId: string, holds: readonly HoldRow[]): Promise<HoldRecord[]> {
  const rows = await tx<(HoldReturn & { holdId: string })[]>`
    select r.hold_id as "holdId", r.quantity_left as "quantityLeft", r.quantity, r.seats, r.blocked,
      r.created_at as "returnedAt"
    from inventory.hold_return r
    where r.event_id = ${eventId} and r.hold_id = any(${holds.map(({ holdId }) => holdId)}::uuid[])
    order by r.quantity_left desc`;
  return holds.map((hold) => ({ ...hold, returns: rows.filter(({ holdId }) => holdId === hold.holdId) }));
}

function recordColumns(sql: Sql | Transaction) {
  return sql`
    h.event_id as "eventId", h.hold_id as "holdId", h.area_id as "areaId", h.customer_id as "customerId", h.quantity,
    h.seats, h.selection, h.state, h.created_at::timestamptz(3) as "createdAt",
    h.expires_at::timestamptz(3) as "expiresAt", h.prolonged_at as "prolongedAt",
    h.confirmed_at as "confirmedAt", h.ended_at as "endedAt"`;
}

async function readNow(sql: Sql | Transaction): Promise<Date> {
  const [row] = await sql<{ now: Date }[]>`select clock_timestamp() as now`;
  return row!.now;
}
