// Best available: which free seats a buyer gets who asks for a number of seats.
//
// A *run* is a longest stretch of adjacent free seats in one row. The seats come from the left end of a run, so they leave
// a *lone seat* (a run of exactly one that was not one before) only where the run is longer than asked by exactly one.
// 1. Runs are looked at row by row, best row first, in a row from left to right.
// 2. The first run that is long enough and left without a lone seat is taken.
// 3. Where there is none, the first run that is long enough is taken: a lone seat is worse than a row further back, but
//    better than no sale.
// 4. Where no run is long enough, the first free seats in the same order are taken if the buyer accepts a split.
// Left end, not centre: the rest of the run stays in one piece, so that later parties still fit.

import type { SeatedChart } from "./chart.ts";
import { nextFreeSeat, nextTakenSeat } from "./seat-map.ts";

/** Where adjacent seats were found: the first of them, or the longest run in seats where none is long enough. */
export type RunSearch = { kind: "found"; firstSeat: number } | { kind: "none"; longestRun: number };

/** Finds `quantity` adjacent free seats by rules 1 to 3. No seat before `from` is free. */
export function findAdjacentSeats(options: {
  chart: SeatedChart;
  map: Uint8Array;
  quantity: number;
  from: number;
}): RunSearch {
  const { chart, map, quantity, from } = options;
  let lonely = -1;
  let longestRun = 0;
  for (const row of chart.rows) {
    if (row.endSeat <= from) continue;
    let seat = Math.max(row.firstSeat, from);
    while ((seat = nextFreeSeat(map, seat, row.endSeat)) < row.endSeat) {
      const firstSeat = seat;
      seat = nextTakenSeat(map, seat, row.endSeat);
      const length = seat - firstSeat;
      if (length === quantity || length > quantity + 1) return { kind: "found", firstSeat };
      if (length === quantity + 1 && lonely < 0) lonely = firstSeat;
      if (length > longestRun) longestRun = length;
    }
  }
  return lonely >= 0 ? { kind: "found", firstSeat: lonely } : { kind: "none", longestRun };
}

/** Returns the first `quantity` free seats by rule 4; the caller knows that so many are free. */
export function firstFreeSeats(options: {
  map: Uint8Array;
  capacity: number;
  quantity: number;
  from: number;
}): number[] {
  const { map, capacity, quantity, from } = options;
  const seats: number[] = [];
  let seat = from;
  while (seats.length < quantity && (seat = nextFreeSeat(map, seat, capacity)) < capacity) seats.push(seat++);
  return seats;
}
