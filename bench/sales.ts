// Events on sale, made as organisers make them.

import { organiser, publishEvent, type EdgeUser } from "../test/support/edge.ts";
import type { Sale } from "./load/requests.ts";
import type { BenchSystem } from "./system.ts";

/** What a sale sells. `eighty` is 80 areas of 400 seats; `hot` is one area of 20,000, the largest there may be. */
export type Place = "eighty" | "hot";

/** Seats a request asks for. */
export const quantity = 2;

const places = {
  eighty: { areas: 80, rows: 20, seatsPerRow: 20 },
  hot: { areas: 1, rows: 100, seatsPerRow: 200 },
};
/** As in production: no customer gets more than these seats of an event. */
const customerLimit = 6;

/** Requests that sell a whole sale out. */
export function requestsOf(place: Place): number {
  const { areas, rows, seatsPerRow } = places[place];
  return (areas * rows * seatsPerRow) / quantity;
}

/** Puts `count` events on sale. Their holds last ten minutes, or `holdTtlMs`. */
export async function openSales(
  system: BenchSystem,
  place: Place,
  count: number,
  options: { holdTtlMs?: number } = {},
): Promise<Sale[]> {
  const { areas: areaCount, rows, seatsPerRow } = places[place];
  const areas = Array.from({ length: areaCount }, (_, index) => seatedArea(`area-${index}`, rows, seatsPerRow));
  const staff = await staffOf(system);
  const sales: Sale[] = [];
  for (let made = 0; made < count; made += 1) {
    const eventId = await publishEvent(staff, { areas, customerLimit, ...options });
    sales.push({ eventId, areaIds: areas.map(({ areaId }) => areaId), requests: requestsOf(place) });
  }
  return sales;
}

function seatedArea(areaId: string, rowCount: number, seatCount: number) {
  const rows = Array.from({ length: rowCount }, (_, index) => ({ label: String(index + 1), seatCount }));
  const price = { currencyCode: "EUR", amountMinor: 2_500n };
  return { areaId, name: areaId, price, layout: { case: "seated" as const, value: { rows } } };
}

const staffBySystem = new WeakMap<BenchSystem, Promise<EdgeUser>>();

function staffOf(system: BenchSystem): Promise<EdgeUser> {
  let staff = staffBySystem.get(system);
  if (!staff) staffBySystem.set(system, (staff = organiser(system.gatewayUrls[0]!, system.issuerUrl)));
  return staff;
}
