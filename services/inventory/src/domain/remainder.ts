// What a hold goes on owning when a part of it is given back.

import { seatFromName, type Chart, type SeatName } from "./chart.ts";
import type { Hold } from "./hold.ts";

/** What shall be left: so many places of a general admission hold, or these seats of another. */
export type Remainder = { places: number; seats: readonly SeatName[] };

/**
 * Returns what is left of a hold that gives up everything but `remainder`. Never more than it owns: a command that comes late,
 * behind one that left less, changes nothing.
 */
export function restOf(hold: Hold, chart: Chart, remainder: Remainder): Pick<Hold, "quantity" | "seats"> {
  if (chart.kind === "generalAdmission") return { quantity: Math.min(hold.quantity, remainder.places), seats: [] };
  const kept = new Set(remainder.seats.map((name) => seatFromName(chart, name)));
  const seats = hold.seats.filter((seat) => kept.has(seat));
  return { quantity: seats.length, seats };
}
