// What an answer that says yes must hold. Each check returns what is wrong, in words, or undefined.

// Seats that buyers of this VU hold or own, by area, row and number. A VU sees no other VU's buyers: for those stand the sums
// in sale.js.
const ownerOfSeat = new Map();

/** Checks the answer to CreateReservation against the wish it answers; a good one's seats are taken note of. */
export function faultOfHold(reservation, { wish, area, quantity }) {
  if (!reservation) return "a 200 without a reservation";
  const { eventId, reservationId, areaId, state, seats = [] } = reservation;
  if (reservationId !== wish.reservationId || eventId !== wish.eventId || areaId !== wish.areaId) {
    return `asked for ${wish.reservationId}, got ${reservationId} of area ${areaId}`;
  }
  if (state !== "RESERVATION_STATE_HELD") return `a new reservation that is ${state}`;
  if (reservation.quantity !== quantity) return `${reservation.quantity} seats instead of ${quantity}`;
  if (!(holdLengthMs(reservation) > 0)) return `a hold that ends at ${reservation.holdExpireTime}`;
  return faultOfTotal(reservation) ?? faultOfSeats(seats, { area, quantity, reservationId });
}

/** Checks that a later answer speaks of the same seats, in the state that it should have. */
export function faultOfSame(reservation, held, state) {
  if (!reservation) return "a 200 without a reservation";
  if (reservation.state !== state) return `${reservation.state} instead of ${state}`;
  if (reservation.reservationId !== held.reservationId)
    return `${reservation.reservationId} instead of ${held.reservationId}`;
  const [before, now] = [held, reservation].map(({ seats = [] }) => JSON.stringify(seats));
  return before === now ? undefined : `the seats were ${before} and are ${now}`;
}

/** Notes that a reservation's seats may go to others. */
export function forgetSeats({ areaId, seats = [] }) {
  for (const seat of seats) ownerOfSeat.delete(keyOf(areaId, seat));
}

/** Returns how long a hold lasts, in milliseconds, by the server's clock alone. */
export function holdLengthMs({ createTime, holdExpireTime }) {
  return epochMs(holdExpireTime) - epochMs(createTime);
}

/** Returns epoch milliseconds, to the second, of a timestamp as Protobuf's JSON writes it: with up to nine decimals. */
export function epochMs(timestamp = "") {
  return Date.parse(timestamp.replace(/\.\d+/, ""));
}

function faultOfTotal({ unitPrice, total, quantity }) {
  if (Number(total?.amountMinor) === Number(unitPrice?.amountMinor) * quantity) return undefined;
  return `${quantity} seats for ${unitPrice?.amountMinor} each cost ${total?.amountMinor}`;
}

function faultOfSeats(seats, { area, quantity, reservationId }) {
  const expected = area.rows ? quantity : 0;
  if (seats.length !== expected) return `${seats.length} numbered seats instead of ${expected}`;
  for (const seat of seats) {
    const { row, number } = seat;
    if (!(number >= 1 && number <= area.rows[row])) return `seat ${row}${number}, which is not on the chart`;
    const key = keyOf(area.areaId, seat);
    const owner = ownerOfSeat.get(key);
    if (owner) return `seat ${row}${number} for ${reservationId}, which ${owner} has`;
    ownerOfSeat.set(key, reservationId);
  }
  return undefined;
}

function keyOf(areaId, { row, number }) {
  return `${areaId} ${row} ${number}`;
}
