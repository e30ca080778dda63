// An event as it is set up.

import type { Chart } from "./chart.ts";

export type EventState = "draft" | "published";

/** An event without its areas. */
export type EventFacts = {
  eventId: string;
  organiserId: string;
  name: string;
  venue: string;
  startTime: Date;
  saleStartTime: Date;
  saleEndTime: Date;
  /** Until then a customer may give a paid booking back. */
  refundUntilTime: Date;
  customerLimit: number;
  holdTtlMs: number;
};

/** An area as it is set up. */
export type EventArea = { areaId: string; name: string; priceMinor: number; currencyCode: string; chart: Chart };

/** An event as stored. */
export type Event = EventFacts & { state: EventState; createdAt: Date; areas: EventArea[] };
