// Seats as one short text, `A:1,2;B:7`: a set-based insert takes one value a row, and most bookings have a seat or two.

/** A numbered seat; a proto Seat is one. */
export type SeatName = { row: string; number: number };

/** Returns the seats as text, in their order. Row labels hold neither colons, commas nor semicolons: the protos see to it. */
export function encodeSeats(seats: readonly SeatName[]): string {
  let text = "";
  let row: string | undefined;
  for (const seat of seats) {
    if (seat.row === row) text += `,${seat.number}`;
    else text += `${row === undefined ? "" : ";"}${seat.row}:${seat.number}`;
    row = seat.row;
  }
  return text;
}

/** Returns the seats of a text that `encodeSeats` made. */
export function parseSeats(text: string): SeatName[] {
  if (text === "") return [];
  return text.split(";").flatMap((part) => {
    const [row = "", numbers = ""] = part.split(":");
    return numbers.split(",").map((number) => ({ row, number: Number(number) }));
  });
}

/** Returns seats as people write them: `A-1, A-2`. */
export function seatsText(seats: readonly SeatName[]): string {
  return seats.map(({ row, number }) => `${row}-${number}`).join(", ");
}
