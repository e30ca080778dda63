// Rules about an event that concern more than one field; those about a single field stand in the protos.

import type { CreateEventRequest } from "#gen/boxoffice/inventory/v1/inventory";
import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { EventFacts } from "./event.ts";

/** A field that breaks a rule. */
export type Violation = { field: string; description: string };

/** When an event begins and sells, and until when its bookings can be given back. */
export type EventTimes = Pick<EventFacts, "startTime" | "saleStartTime" | "saleEndTime" | "refundUntilTime">;

const seatsMax = 20_000;
const earliestMs = Date.UTC(2000, 0, 1);
const currencies = new Set(Intl.supportedValuesOf("currency"));
const latestMs = Date.UTC(2200, 0, 1);

/** Returns an event's times with their defaults: the sale opens now; it closes, and refunds end, when the event begins. */
export function eventTimes(request: CreateEventRequest, now: Date): EventTimes {
  const startTime = dateFromTimestamp(request.startTime!);
  return {
    startTime,
    saleStartTime: request.saleStartTime ? dateFromTimestamp(request.saleStartTime) : now,
    saleEndTime: request.saleEndTime ? dateFromTimestamp(request.saleEndTime) : startTime,
    refundUntilTime: request.refundUntilTime ? dateFromTimestamp(request.refundUntilTime) : startTime,
  };
}

/** Returns every rule that a request breaks; its fields are valid one by one. */
export function eventViolations(request: CreateEventRequest, now: Date): Violation[] {
  const broken = [...timeViolations(request), ...areaViolations(request)];
  if (broken.length > 0) return broken;
  const { saleStartTime, saleEndTime } = eventTimes(request, now);
  if (saleStartTime < saleEndTime) return [];
  if (request.saleEndTime) return [{ field: "sale_end_time", description: "the sale must close after it opens" }];
  const description = request.saleStartTime
    ? "must be after sale_start_time: the sale closes when the event begins, unless sale_end_time says otherwise"
    : "must be in the future: the sale opens now and closes when the event begins, unless the sale's times say otherwise";
  return [{ field: "start_time", description }];
}

function timeViolations(request: CreateEventRequest): Violation[] {
  const times = [
    ["start_time", request.startTime],
    ["sale_start_time", request.saleStartTime],
    ["sale_end_time", request.saleEndTime],
    ["refund_until_time", request.refundUntilTime],
  ] as const;
  return times
    .filter(([, time]) => time !== undefined && !isSane(time))
    .map(([field]) => ({ field, description: "must be a time from the year 2000 to 2199" }));
}

function areaViolations({ areas }: CreateEventRequest): Violation[] {
  const broken: Violation[] = [];
  const areaIds = new Set<string>();
  for (const [index, area] of areas.entries()) {
    const path = `areas[${index}]`;
    if (areaIds.has(area.areaId)) broken.push({ field: `${path}.area_id`, description: "is the id of another area" });
    areaIds.add(area.areaId);
    if (!currencies.has(area.price!.currencyCode)) {
      broken.push({ field: `${path}.price.currency_code`, description: "is no currency of ISO 4217" });
    }
    if (area.price?.currencyCode !== areas[0]!.price?.currencyCode) {
      broken.push({ field: `${path}.price.currency_code`, description: "must be the same for all areas" });
    }
    if (area.layout.case !== "seated") continue;
    const rows = area.layout.value.rows;
    const labels = new Set<string>();
    for (const [row, { label }] of rows.entries()) {
      const field = `${path}.seated.rows[${row}].label`;
      if (labels.has(label)) broken.push({ field, description: "is the label of another row" });
      labels.add(label);
    }
    if (rows.reduce((seats, row) => seats + row.seatCount, 0) > seatsMax) {
      broken.push({ field: `${path}.seated.rows`, description: `must have at most ${seatsMax} seats in all` });
    }
  }
  return broken;
}

function isSane(time: Timestamp): boolean {
  const ms = Number(time.seconds) * 1_000;
  return ms >= earliestMs && ms < latestMs && time.nanos >= 0 && time.nanos < 1_000_000_000;
}

function dateFromTimestamp(time: Timestamp): Date {
  return new Date(timestampMs(time));
}
