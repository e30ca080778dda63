// Events and their areas: set up once, published once, read often.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import type { Event, EventArea, EventFacts } from "../domain/event.ts";
import { createSeatMap } from "../domain/seat-map.ts";
import { chartFromRow } from "./area-catalog.ts";

/** An event to be stored, with what identifies the request for it. */
export type NewEvent = EventFacts & {
  areas: EventArea[];
  requestFingerprint: string;
  /** Size of the request; pages of events are bounded by it. */
  requestBytes: number;
};

/** Where a page of events begins: after this event. */
export type PageStart = { startTimeMs: number; eventId: string };

// Keeps the answer to a page of events, charts included, well under gRPC's default limit of 4 MiB.
const pageBytesMax = 2 << 20;

/**
 * Stores a draft unless its id is known. Returns false where the id belongs to another request; nothing is changed then,
 * nor on a repeat.
 */
export async function createEvent(sql: Sql, event: NewEvent): Promise<boolean> {
  return await transact(sql, async (tx) => {
    const inserted = await tx`
      insert into inventory.event
        (event_id, organiser_id, name, venue, start_time, sale_start_time, sale_end_time, refund_until_time,
         customer_limit, hold_ttl_ms, request_fingerprint, request_bytes)
      values
        (${event.eventId}, ${event.organiserId}, ${event.name}, ${event.venue}, ${event.startTime},
         ${event.saleStartTime}, ${event.saleEndTime}, ${event.refundUntilTime}, ${event.customerLimit},
         ${event.holdTtlMs}, ${event.requestFingerprint}, ${event.requestBytes})
      on conflict do nothing`;
    if (inserted.count === 1) {
      await insertAreas(tx, event);
      return true;
    }
    const [known] = await tx<{ same: boolean }[]>`
      select request_fingerprint = ${event.requestFingerprint} as same
      from inventory.event
      where event_id = ${event.eventId}`;
    return known!.same;
  });
}

/** Publishes an event; publishing it again changes nothing. */
export async function publishEvent(sql: Sql, eventId: string): Promise<void> {
  await sql`update inventory.event set state = 'published' where event_id = ${eventId} and state = 'draft'`;
}

/** Returns an event, or undefined. */
export async function getEvent(sql: Sql, eventId: string): Promise<Event | undefined> {
  const events = await sql<Omit<Event, "areas">[]>`
    select ${eventColumns(sql)} from inventory.event e where e.event_id = ${eventId}`;
  return (await withAreas(sql, events))[0];
}

/**
 * Returns up to `eventsMax` events by start time, fewer where their charts are large, and whether there are more.
 * `filter` is looked for in name and venue, whatever the case.
 */
export async function listEvents(
  sql: Sql,
  options: { eventsMax: number; after: PageStart | undefined; filter: string; drafts: boolean },
): Promise<{ events: Event[]; more: boolean }> {
  const { eventsMax, after, filter, drafts } = options;
  const pattern = `%${filter.replace(/[\\%_]/g, "\\$&")}%`;
  const rows = await sql<(Omit<Event, "areas"> & { bytesBefore: number })[]>`
    select ${eventColumns(sql)},
      coalesce(sum(e.request_bytes) over (
        order by e.start_time, e.event_id rows between unbounded preceding and 1 preceding), 0)::int
        + e.request_bytes as "bytesBefore"
    from (
      select * from inventory.event e
      where true
        ${after ? sql`and (e.start_time, e.event_id) > (${new Date(after.startTimeMs)}, ${after.eventId})` : sql``}
        ${filter === "" ? sql`` : sql`and (e.name ilike ${pattern} or e.venue ilike ${pattern})`}
        ${drafts ? sql`` : sql`and e.state = 'published'`}
      order by e.start_time, e.event_id
      limit ${eventsMax + 1}
    ) as e
    order by e.start_time, e.event_id`;
  const page = rows
    .slice(0, eventsMax)
    .filter(({ bytesBefore }, index) => index === 0 || bytesBefore <= pageBytesMax)
    .map(({ bytesBefore: _, ...event }) => event);
  return { events: await withAreas(sql, page), more: page.length < rows.length };
}

async function insertAreas(tx: Transaction, { eventId, areas }: NewEvent): Promise<void> {
  const rowsOf = ({ chart }: EventArea) => (chart.kind === "seated" ? chart.rows : []);
  const seatMapOf = ({ chart }: EventArea) =>
    Buffer.from(createSeatMap(chart.kind === "seated" ? chart.capacity : 0)).toString("hex");
  await tx`
    insert into inventory.area
      (event_id, area_id, position, name, kind, row_labels, row_seat_counts, capacity, price_minor, currency_code)
    select ${eventId}, a.area_id, a.position, a.name, a.kind,
      array(select jsonb_array_elements_text(a.row_labels::jsonb)), a.row_seat_counts::int[],
      a.capacity, a.price_minor, a.currency_code
    from unnest(
      ${areas.map((area) => area.areaId)}::text[],
      ${areas.map((_, index) => index)}::int[],
      ${areas.map((area) => area.name)}::text[],
      ${areas.map(({ chart }) => (chart.kind === "seated" ? "seated" : "general_admission"))}::text[],
      ${areas.map((area) => JSON.stringify(rowsOf(area).map((row) => row.label)))}::text[],
      ${areas.map(
        (area) =>
          `{${rowsOf(area)
            .map((row) => row.endSeat - row.firstSeat)
            .join(",")}}`,
      )}::text[],
      ${areas.map(({ chart }) => chart.capacity)}::int[],
      ${areas.map((area) => area.priceMinor)}::bigint[],
      ${areas.map((area) => area.currencyCode)}::text[]
    ) as a (area_id, position, name, kind, row_labels, row_seat_counts, capacity, price_minor, currency_code)`;
  await tx`
    insert into inventory.stock (event_id, area_id, capacity, free, held, sold, blocked, seat_map)
    select ${eventId}, s.area_id, s.capacity, s.capacity, 0, 0, 0, decode(s.seat_map, 'hex')
    from unnest(
      ${areas.map((area) => area.areaId)}::text[],
      ${areas.map(({ chart }) => chart.capacity)}::int[],
      ${areas.map(seatMapOf)}::text[]
    ) as s (area_id, capacity, seat_map)`;
}

function eventColumns(sql: Sql) {
  return sql`
    e.event_id as "eventId", e.organiser_id as "organiserId", e.name, e.venue, e.start_time as "startTime",
    e.sale_start_time as "saleStartTime", e.sale_end_time as "saleEndTime",
    coalesce(e.refund_until_time, e.start_time) as "refundUntilTime", e.customer_limit as "customerLimit",
    e.hold_ttl_ms as "holdTtlMs", e.state, e.created_at as "createdAt"`;
}

async function withAreas(sql: Sql, events: readonly Omit<Event, "areas">[]): Promise<Event[]> {
  if (events.length === 0) return [];
  type Row = Parameters<typeof chartFromRow>[0] & Omit<EventArea, "chart"> & { eventId: string };
  const rows = await sql<Row[]>`
    select a.event_id as "eventId", a.area_id as "areaId", a.name, a.kind, a.row_labels as "rowLabels",
      a.row_seat_counts as "rowSeatCounts", a.capacity, a.price_minor as "priceMinor",
      a.currency_code as "currencyCode"
    from inventory.area a
    where a.event_id = any(${events.map((event) => event.eventId)}::uuid[])
    order by a.event_id, a.position`;
  const areas = new Map<string, EventArea[]>(events.map(({ eventId }) => [eventId, []]));
  for (const row of rows) {
    const { areaId, name, priceMinor, currencyCode } = row;
    areas.get(row.eventId)!.push({ areaId, name, priceMinor, currencyCode, chart: chartFromRow(row) });
  }
  return events.map((event) => ({ ...event, areas: areas.get(event.eventId)! }));
}
