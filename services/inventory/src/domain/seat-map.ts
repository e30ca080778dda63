// The states of an area's seats, two bits each, four seats a byte, seat 0 in the low bits of byte 0.

/** What a seat is; the value of its two bits. */
export const Seat = { free: 0, held: 1, sold: 2, blocked: 3 } as const;
export type SeatState = (typeof Seat)[keyof typeof Seat];

const letters = "FHSB";

// Four seats at a time: true where a byte has no free seat, and the letters of its seats.
const noneFree = Uint8Array.from({ length: 256 }, (_, byte) => (((byte | (byte >> 1)) & 0x55) === 0x55 ? 1 : 0));
const lettersOfByte = Array.from(
  { length: 256 },
  (_, byte) => letters[byte & 3]! + letters[(byte >> 2) & 3]! + letters[(byte >> 4) & 3]! + letters[byte >> 6]!,
);

/** Returns a map of `capacity` free seats. */
export function createSeatMap(capacity: number): Uint8Array {
  return new Uint8Array((capacity + 3) >> 2);
}

/** Returns a seat's state. */
export function seatState(map: Uint8Array, seat: number): SeatState {
  return ((map[seat >> 2]! >> ((seat & 3) << 1)) & 3) as SeatState;
}

/** Changes a seat's state in place. */
export function setSeatState(map: Uint8Array, seat: number, state: SeatState): void {
  const shift = (seat & 3) << 1;
  map[seat >> 2] = (map[seat >> 2]! & ~(3 << shift)) | (state << shift);
}

/** Returns the first free seat from `seat` on, or `end` where none is free before it. */
export function nextFreeSeat(map: Uint8Array, seat: number, end: number): number {
  while (seat < end) {
    if ((seat & 3) === 0 && noneFree[map[seat >> 2]!]) seat += 4;
    else if (seatState(map, seat) === Seat.free) return seat;
    else seat += 1;
  }
  return end;
}

/** Returns the first seat from `seat` on that is not free, or `end` where all are free before it. */
export function nextTakenSeat(map: Uint8Array, seat: number, end: number): number {
  while (seat < end) {
    if ((seat & 3) === 0 && map[seat >> 2] === 0) seat += 4;
    else if (seatState(map, seat) !== Seat.free) return seat;
    else seat += 1;
  }
  return end;
}

/** Returns one letter a seat: `F` free, `H` held, `S` sold, `B` blocked. */
export function seatLetters(map: Uint8Array, capacity: number): string {
  let text = "";
  for (const byte of map) text += lettersOfByte[byte];
  return text.slice(0, capacity);
}
