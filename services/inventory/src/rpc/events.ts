// CreateEvent, PublishEvent and GetEvent.

import { createHash } from "node:crypto";
import { clone, toBinary } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { RefusalReason } from "#stubs";
import type { Handler } from "#shared/grpc-server";
import { createRefusal } from "#shared/refusal";
import type { Sql } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import {
  CreateEventRequestSchema,
  type Area,
  type CreateEventRequest,
  type InventoryService,
} from "#gen/boxoffice/inventory/v1/inventory";
import { createSeatedChart, type Chart } from "../domain/chart.ts";
import type { Event, EventArea } from "../domain/event.ts";
import { eventTimes, eventViolations } from "../domain/event-rules.ts";
import { createEvent, getEvent, publishEvent, type NewEvent } from "../store/events.ts";
import { eventMessage } from "./messages.ts";

type Methods = typeof InventoryService.method;

const holdTtlMsDefault = 10 * 60_000;

/** Returns the handler of CreateEvent. */
export function createEventHandler(sql: Sql, now: () => Date): Handler<Methods["createEvent"]> {
  return async (request) => {
    const violations = eventViolations(request, now());
    if (violations.length > 0) throw errorFromRefusal(refuseFields(violations));
    const event = eventFromRequest(request, now());
    if (!(await createEvent(sql, event))) {
      const message = "this id was used for a different event";
      throw errorFromRefusal(createRefusal(RefusalReason.IDEMPOTENCY_KEY_REUSED, message));
    }
    return { event: eventMessage(await existingEvent(sql, event.eventId)) };
  };
}

/** Returns the handler of PublishEvent. */
export function publishEventHandler(sql: Sql): Handler<Methods["publishEvent"]> {
  return async (request) => {
    const eventId = request.eventId.toLowerCase();
    await publishEvent(sql, eventId);
    return { event: eventMessage(await existingEvent(sql, eventId)) };
  };
}

/** Returns the handler of GetEvent. */
export function getEventHandler(sql: Sql): Handler<Methods["getEvent"]> {
  return async (request) => ({ event: eventMessage(await existingEvent(sql, request.eventId.toLowerCase())) });
}

async function existingEvent(sql: Sql, eventId: string): Promise<Event> {
  const event = await getEvent(sql, eventId);
  if (!event) throw errorFromRefusal(createRefusal(RefusalReason.NOT_FOUND, "there is no such event"));
  return event;
}

function eventFromRequest(request: CreateEventRequest, now: Date): NewEvent {
  const asked = askedBytes(request);
  return {
    eventId: request.eventId.toLowerCase(),
    organiserId: request.organiserId,
    name: request.name,
    venue: request.venue,
    ...eventTimes(request, now),
    customerLimit: request.customerLimit,
    holdTtlMs: request.holdTtl ? durationMs(request.holdTtl) : holdTtlMsDefault,
    areas: request.areas.map(areaFromMessage),
    requestFingerprint: createHash("sha256").update(asked).digest("hex"),
    requestBytes: asked.length,
  };
}

// What was asked for, in one form: a repeat has the same bytes, another request others.
function askedBytes(request: CreateEventRequest): Uint8Array {
  const asked = clone(CreateEventRequestSchema, request);
  asked.eventId = asked.eventId.toLowerCase();
  for (const area of asked.areas) area.capacity = 0;
  return toBinary(CreateEventRequestSchema, asked, { writeUnknownFields: false });
}

function areaFromMessage(area: Area): EventArea {
  return {
    areaId: area.areaId,
    name: area.name,
    priceMinor: Number(area.price!.amountMinor),
    currencyCode: area.price!.currencyCode,
    chart: chartFromLayout(area.layout),
  };
}

function chartFromLayout(layout: Area["layout"]): Chart {
  switch (layout.case) {
    case "seated":
      return createSeatedChart(layout.value.rows);
    case "generalAdmission":
      return { kind: "generalAdmission", capacity: layout.value.capacity };
    case undefined:
      throw new Error("validation lets no area without a layout through");
  }
}
