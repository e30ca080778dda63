// What a hold goes on owning when a part of it is given back.

import { seatFromName, type Chart, type SeatName } from "./chart.ts";
import type { Hold } from "./hold.ts";

/** What shall be left: so many places of a general admission hold, or these seats of another. */
export type Remainder = { places: number; seats: readonly SeatName[] };

/**
 * Returns what is left of a hold that gives up everything but `remainder`. Never more than it owns: a command that comes late,
 * behind one that left less, changes nothing. Returns undefined where the remainder is not of such an area: whoever asked means
 * other places than would be given up.
 */
export function restOf(hold: Hold, chart: Chart, remainder: Remainder): Pick<Hold, "quantity" | "seats"> | undefined {
  if (chart.kind === "generalAdmission") {
    if (remainder.seats.length > 0) return undefined;
    return { quantity: Math.min(hold.quantity, remainder.places), seats: [] };
  }
  const kept = new Set(remainder.seats.map((name) => seatFromName(chart, name)));
  if (kept.has(undefined) || (kept.size === 0 && remainder.places > 0)) return undefined;
  const seats = hold.seats.filter((seat) => kept.has(seat));
  return { quantity: seats.length, seats };
}
