// Domain values as messages.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  EventState,
  HoldState,
  type AreaAvailabilitySchema,
  type AreaSchema,
  type EventSchema,
  type HoldSchema,
} from "#gen/boxoffice/inventory/v1/inventory";
import { timestampInit } from "#shared/timestamps";
import type { Area } from "../domain/area.ts";
import { nameFromSeat, type Chart } from "../domain/chart.ts";
import type * as domain from "../domain/event.ts";
import type * as holds from "../domain/hold.ts";
import type { AreaAvailability } from "../store/availability.ts";

const holdStates: Record<holds.HoldState, HoldState> = {
  held: HoldState.HELD,
  confirmed: HoldState.CONFIRMED,
  released: HoldState.RELEASED,
  expired: HoldState.EXPIRED,
  refunded: HoldState.REFUNDED,
};

const eventStates: Record<domain.EventState, EventState> = {
  draft: EventState.DRAFT,
  published: EventState.PUBLISHED,
};

/** Returns the message of a hold in `area`. */
export function holdMessage(hold: holds.Hold, area: Area): MessageInitShape<typeof HoldSchema> {
  const { chart } = area;
  return {
    eventId: hold.eventId,
    holdId: hold.holdId,
    customerId: hold.customerId,
    areaId: hold.areaId,
    quantity: hold.quantity,
    seats: chart.kind === "seated" ? hold.seats.map((seat) => nameFromSeat(chart, seat)) : [],
    state: holdStates[hold.state],
    expireTime: timestampInit(hold.expiresAt),
    unitPrice: { currencyCode: area.currencyCode, amountMinor: BigInt(area.priceMinor) },
    createTime: timestampInit(hold.createdAt),
  };
}

/** Returns the message of an event. */
export function eventMessage(event: domain.Event): MessageInitShape<typeof EventSchema> {
  return {
    eventId: event.eventId,
    organiserId: event.organiserId,
    name: event.name,
    venue: event.venue,
    startTime: timestampInit(event.startTime),
    saleStartTime: timestampInit(event.saleStartTime),
    saleEndTime: timestampInit(event.saleEndTime),
    refundUntilTime: timestampInit(event.refundUntilTime),
    customerLimit: event.customerLimit,
    holdTtl: durationFromMs(event.holdTtlMs),
    state: eventStates[event.state],
    areas: event.areas.map(areaMessage),
    createTime: timestampInit(event.createdAt),
  };
}

/** Returns the message's state of an event. */
export function eventStateMessage(state: domain.EventState): EventState {
  return eventStates[state];
}

/** Returns the message of what is left of an area. */
export function availabilityMessage(area: AreaAvailability): MessageInitShape<typeof AreaAvailabilitySchema> {
  return { ...area, sequence: BigInt(area.sequence) };
}

function areaMessage(area: domain.EventArea): MessageInitShape<typeof AreaSchema> {
  return {
    areaId: area.areaId,
    name: area.name,
    price: { currencyCode: area.currencyCode, amountMinor: BigInt(area.priceMinor) },
    layout: layoutMessage(area.chart),
    capacity: area.chart.capacity,
  };
}

function layoutMessage(chart: Chart): NonNullable<MessageInitShape<typeof AreaSchema>["layout"]> {
  if (chart.kind === "generalAdmission") return { case: "generalAdmission", value: { capacity: chart.capacity } };
  const rows = chart.rows.map(({ label, firstSeat, endSeat }) => ({ label, seatCount: endSeat - firstSeat }));
  return { case: "seated", value: { rows } };
}
