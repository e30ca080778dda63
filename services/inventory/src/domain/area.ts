// An area as it is sold: its chart, its price, and the terms of its event. None of this changes once the event is
// published; the database grants no update of it.

import type { Chart } from "./chart.ts";

/** The terms on which an event sells. */
export type SaleTerms = {
  published: boolean;
  saleStartTime: Date;
  saleEndTime: Date;
  /** Most seats that one customer may hold and own together; 0 means no limit. */
  customerLimit: number;
  holdTtlMs: number;
};

/** An area of an event. */
export type Area = {
  eventId: string;
  areaId: string;
  chart: Chart;
  priceMinor: number;
  currencyCode: string;
  terms: SaleTerms;
};

/** Names an area. */
export type AreaRef = { eventId: string; areaId: string };

/** Returns one word that names an area, for maps. */
export function areaKey({ eventId, areaId }: AreaRef): string {
  return `${eventId}/${areaId}`;
}
