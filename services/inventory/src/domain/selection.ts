// What a hold command asks for, and whether an area can give it at all.

import { seatFromName, type Chart, type SeatName } from "./chart.ts";

/** What a buyer asks for. */
export type Selection =
  | { kind: "best"; quantity: number; split: boolean }
  | { kind: "named"; seats: readonly SeatName[] }
  | { kind: "count"; quantity: number };

/** A selection that fits its area, in the area's own seat numbers. */
export type FittedSelection =
  | { kind: "best"; quantity: number; split: boolean }
  | { kind: "named"; seats: number[]; quantity: number }
  | { kind: "count"; quantity: number };

/** A field that breaks a rule, by its path in the command. */
export type BadField = { kind: "invalid"; field: string; description: string };

/** Returns a selection in canonical words: two selections that ask for the same have the same words. */
export function selectionWords(selection: Selection): string {
  switch (selection.kind) {
    case "best":
      return `best:${selection.quantity}${selection.split ? ":split" : ""}`;
    case "named":
      return `named:${selection.seats.map(seatWord).sort().join(",")}`;
    case "count":
      return `count:${selection.quantity}`;
  }
}

/** Returns a seat's name in one word, e.g. `A-3`. */
export function seatWord({ row, number }: SeatName): string {
  return `${row}-${number}`;
}

/** Returns the selection in the area's seat numbers, or the first field that does not fit its chart. */
export function fitSelection(chart: Chart, selection: Selection): FittedSelection | BadField {
  switch (selection.kind) {
    case "best":
      if (chart.kind === "seated") return selection;
      return badField("best_available", "the area is general admission: ask for a count");
    case "count":
      if (chart.kind === "generalAdmission") return selection;
      return badField("general_admission", "the area is seated: ask for the best available or for named seats");
    case "named":
      return chart.kind === "seated"
        ? fitNames(chart, selection.seats)
        : badField("named_seats", "the area is general admission: ask for a count");
  }
}

function fitNames(chart: Chart & { kind: "seated" }, names: readonly SeatName[]): FittedSelection | BadField {
  const seats: number[] = [];
  for (const [index, name] of names.entries()) {
    const path = `named_seats.seats[${index}]`;
    if (!chart.rowByLabel.has(name.row)) return badField(`${path}.row`, "the area has no such row");
    const seat = seatFromName(chart, name);
    if (seat === undefined) return badField(`${path}.number`, "the row has no such seat");
    if (seats.includes(seat)) return badField(path, "the seat is named twice");
    seats.push(seat);
  }
  return { kind: "named", seats, quantity: seats.length };
}

function badField(field: string, description: string): BadField {
  return { kind: "invalid", field, description };
}
