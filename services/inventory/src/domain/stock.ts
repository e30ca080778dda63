// An area's stock while a batch is decided: a copy that commands change one after the other.

import { findAdjacentSeats, firstFreeSeats } from "./best-available.ts";
import type { Chart } from "./chart.ts";
import { BrokenInvariantError } from "./broken-invariant.ts";
import { nextFreeSeat, Seat, seatState, setSeatState, type SeatState } from "./seat-map.ts";
import type { FittedSelection } from "./selection.ts";

/** How an area stands: counts, and the seat map, which is empty for general admission. */
export type Stock = { free: number; held: number; sold: number; blocked: number; seatMap: Uint8Array };

/** A stock that is being changed. */
export type WorkingStock = Stock & {
  readonly chart: Chart;
  /** True once a command has changed it. */
  changed: boolean;
  /** No seat before this one is free. */
  firstFree: number;
};

/** What an area gives for a selection. */
export type Allocation =
  | { kind: "allocated"; quantity: number; seats: number[] }
  | { kind: "soldOut"; free: number }
  | { kind: "noRun"; longestRun: number; free: number }
  | { kind: "taken"; seats: number[] };

/** What seats and places can be. */
export type StockPart = keyof typeof Seat;

/** Returns a stock to be changed; its seat map is `stock`'s own. */
export function createWorkingStock(chart: Chart, stock: Stock): WorkingStock {
  return { ...stock, chart, changed: false, firstFree: 0 };
}

/** Returns a copy of a stock that is being changed. */
export function copyStock(stock: WorkingStock): WorkingStock {
  return { ...stock, seatMap: Uint8Array.from(stock.seatMap) };
}

/**
 * Takes what a selection asks for out of the free stock and marks it held. A selection that can't be met changes
 * nothing. What is left of the area decides, and nothing else: commands give the same result in one batch or in several.
 */
export function allocate(stock: WorkingStock, selection: FittedSelection): Allocation {
  const allocation = choose(stock, selection);
  if (allocation.kind === "allocated") moveStock(stock, { ...allocation, from: "free", to: "held" });
  return allocation;
}

/** Moves seats or places from one part of the stock to another. Throws BrokenInvariantError where they are not there. */
export function moveStock(
  stock: WorkingStock,
  move: { quantity: number; seats: readonly number[]; from: StockPart; to: StockPart },
): void {
  const { quantity, seats, from, to } = move;
  if (stock[from] < quantity) throw new BrokenInvariantError(`${quantity} places are not ${from}, only ${stock[from]}`);
  if (stock.chart.kind === "seated" && seats.length !== quantity) {
    throw new BrokenInvariantError(`${quantity} seats were to be moved, ${seats.length} were named`);
  }
  for (const seat of seats) {
    if (seatState(stock.seatMap, seat) !== Seat[from]) throw new BrokenInvariantError(`seat ${seat} is not ${from}`);
    setSeatState(stock.seatMap, seat, Seat[to] satisfies SeatState);
    if (to === "free" && seat < stock.firstFree) stock.firstFree = seat;
  }
  stock[from] -= quantity;
  stock[to] += quantity;
  stock.changed = true;
}

function choose(stock: WorkingStock, selection: FittedSelection): Allocation {
  const { chart, seatMap: map, free } = stock;
  const { quantity } = selection;
  if (selection.kind === "named") {
    const taken = selection.seats.filter((seat) => seatState(map, seat) !== Seat.free);
    return taken.length > 0 ? { kind: "taken", seats: taken } : { kind: "allocated", quantity, seats: selection.seats };
  }
  if (quantity > free) return { kind: "soldOut", free };
  if (selection.kind === "count" || chart.kind === "generalAdmission")
    return { kind: "allocated", quantity, seats: [] };

  const from = (stock.firstFree = nextFreeSeat(map, stock.firstFree, chart.capacity));
  const search = findAdjacentSeats({ chart, map, quantity, from });
  if (search.kind === "found") {
    return {
      kind: "allocated",
      quantity,
      seats: Array.from({ length: quantity }, (_, index) => search.firstSeat + index),
    };
  }
  if (!selection.split) return { kind: "noRun", longestRun: search.longestRun, free };
  return { kind: "allocated", quantity, seats: firstFreeSeats({ map, capacity: chart.capacity, quantity, from }) };
}
