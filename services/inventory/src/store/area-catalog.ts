// Areas as they are sold, kept in memory: charts are large and never change, so batches do not read them again.

import type { Sql } from "#shared/sql";
import { areaKey, type Area, type AreaRef } from "../domain/area.ts";
import { createSeatedChart, type Chart } from "../domain/chart.ts";

/** Gives areas, from memory where it can. */
export type AreaCatalog = {
  /** Returns those of the areas that exist, by area key. */
  load(refs: readonly AreaRef[]): Promise<Map<string, Area>>;
};

type AreaRow = AreaRef & {
  kind: "seated" | "general_admission";
  rowLabels: string[];
  rowSeatCounts: number[];
  capacity: number;
  priceMinor: number;
  currencyCode: string;
  published: boolean;
  saleStartTime: Date;
  saleEndTime: Date;
  customerLimit: number;
  holdTtlMs: number;
};

/**
 * Returns a catalogue that remembers up to `areasMax` areas and forgets the oldest first. Areas of drafts are not
 * remembered: publishing is the one change that an event's terms can see.
 */
export function createAreaCatalog(sql: Sql, { areasMax }: { areasMax: number }): AreaCatalog {
  const remembered = new Map<string, Area>();

  function remember(key: string, area: Area): void {
    if (remembered.size >= areasMax) remembered.delete(remembered.keys().next().value!);
    remembered.set(key, area);
  }

  return {
    async load(refs) {
      const found = new Map<string, Area>();
      const missing = new Map<string, AreaRef>();
      for (const ref of refs) {
        const key = areaKey(ref);
        const area = remembered.get(key);
        if (area) found.set(key, area);
        else missing.set(key, ref);
      }
      if (missing.size === 0) return found;
      for (const area of await readAreas(sql, [...missing.values()])) {
        const key = areaKey(area);
        found.set(key, area);
        if (area.terms.published) remember(key, area);
      }
      return found;
    },
  };
}

/** Returns the chart that these columns describe. */
export function chartFromRow(row: Pick<AreaRow, "kind" | "rowLabels" | "rowSeatCounts" | "capacity">): Chart {
  if (row.kind === "general_admission") return { kind: "generalAdmission", capacity: row.capacity };
  return createSeatedChart(row.rowLabels.map((label, index) => ({ label, seatCount: row.rowSeatCounts[index]! })));
}

async function readAreas(sql: Sql, refs: readonly AreaRef[]): Promise<Area[]> {
  const rows = await sql<AreaRow[]>`
    select
      a.event_id as "eventId", a.area_id as "areaId", a.kind, a.row_labels as "rowLabels",
      a.row_seat_counts as "rowSeatCounts", a.capacity, a.price_minor as "priceMinor",
      a.currency_code as "currencyCode", e.state = 'published' as published,
      e.sale_start_time as "saleStartTime", e.sale_end_time as "saleEndTime",
      e.customer_limit as "customerLimit", e.hold_ttl_ms as "holdTtlMs"
    from unnest(${refs.map((ref) => ref.eventId)}::uuid[], ${refs.map((ref) => ref.areaId)}::text[])
      as k (event_id, area_id)
    join inventory.area a on a.event_id = k.event_id and a.area_id = k.area_id
    join inventory.event e on e.event_id = k.event_id`;
  return rows.map(({ published, saleStartTime, saleEndTime, customerLimit, holdTtlMs, ...row }) => ({
    eventId: row.eventId,
    areaId: row.areaId,
    chart: chartFromRow(row),
    priceMinor: row.priceMinor,
    currencyCode: row.currencyCode,
    terms: { published, saleStartTime, saleEndTime, customerLimit, holdTtlMs },
  }));
}
