// What is left of an event, in one statement and so in one moment.

import type { Sql } from "#shared/sql";
import type { EventState } from "../domain/event.ts";
import { seatLetters } from "../domain/seat-map.ts";

/** What is left of an area. */
export type AreaAvailability = {
  areaId: string;
  capacity: number;
  free: number;
  held: number;
  sold: number;
  blocked: number;
  sequence: number;
  /** One letter a seat, row by row; empty for general admission. */
  rows: { label: string; seats: string }[];
};

/** What is left of an event. */
export type Availability = { state: EventState; areas: AreaAvailability[] };

/** Returns what is left of an event's areas, or of those named, in the event's order; undefined for an unknown event. */
export async function getAvailability(
  sql: Sql,
  { eventId, areaIds }: { eventId: string; areaIds: readonly string[] },
): Promise<Availability | undefined> {
  type Row = { state: EventState } & Omit<AreaAvailability, "areaId" | "rows"> & {
      areaId: string | null;
      seatMap: Buffer;
      rowLabels: string[];
      rowSeatCounts: number[];
    };
  const rows = await sql<Row[]>`
    select e.state, a.area_id as "areaId", s.capacity, s.free, s.held, s.sold, s.blocked, s.sequence,
      s.seat_map as "seatMap", a.row_labels as "rowLabels", a.row_seat_counts as "rowSeatCounts"
    from inventory.event e
    left join (inventory.area a join inventory.stock s on s.event_id = a.event_id and s.area_id = a.area_id)
      on a.event_id = e.event_id
      and (${areaIds.length === 0} or a.area_id = any(${areaIds as string[]}::text[]))
    where e.event_id = ${eventId}
    order by a.position`;
  if (rows.length === 0) return undefined;
  const areas = rows.flatMap(({ state: _, areaId, seatMap, rowLabels, rowSeatCounts, ...counts }) =>
    areaId === null ? [] : [{ areaId, ...counts, rows: rowsOf({ ...counts, seatMap, rowLabels, rowSeatCounts }) }],
  );
  return { state: rows[0]!.state, areas };
}

function rowsOf(area: { capacity: number; seatMap: Buffer; rowLabels: string[]; rowSeatCounts: number[] }) {
  const letters = seatLetters(area.seatMap, area.capacity);
  let firstSeat = 0;
  return area.rowLabels.map((label, index) => {
    const seats = letters.slice(firstSeat, (firstSeat += area.rowSeatCounts[index]!));
    return { label, seats };
  });
}
