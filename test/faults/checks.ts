// What has to hold after every fault: all that was acknowledged is still so, nothing is left unfinished, and the system's own
// checks find nothing.

import { ReservationState, type Reservation } from "#gen/boxoffice/edge/v1/reservation";
import { refusalOf, type Ask } from "./ask.ts";
import type { Booking } from "./booking.ts";
import type { Cast } from "./buyers.ts";
import { brokenTickets } from "./check-tickets.ts";
import { inLanes } from "./lanes.ts";
import { brokenRefunds, paidBackMinor, unfinishedRefunds } from "./part-refunds.ts";
import type { FaultStack } from "./stack.ts";

const noSuchThing = "NOT_FOUND";

/** Returns what is no longer as it was told, read back through the public API. Every request is repeated with its key too. */
export async function brokenPromises(
  bookings: readonly Booking[],
  { gate }: Pick<Cast, "gate">,
  ask: Ask,
): Promise<string[]> {
  const broken = await inLanes(bookings, (booking) => brokenPromisesOf(booking, { ask, gate }));
  return [...broken.flat(), ...seatsWithTwoOwners(bookings)];
}

async function brokenPromisesOf(booking: Booking, { ask, gate }: { ask: Ask; gate: Cast["gate"] }): Promise<string[]> {
  const { buyer, wish, held, refused, attempts } = booking;
  const broken: string[] = [];
  const demand = (isKept: boolean, words: string) => {
    if (!isKept) broken.push(`${wish.reservationId}: ${words}`);
  };
  const now = await ask((bounds) => buyer.reservations.getReservation(wish, bounds)).then(
    ({ reservation }) => reservation!,
    refusalOf,
  );
  if (held === undefined) {
    // Where nothing was answered, nothing was promised.
    if (refused !== undefined) demand(now === noSuchThing, `it was refused (${refused}), yet there is a reservation`);
    return broken;
  }
  if (typeof now === "string") return [`${wish.reservationId}: it was held, and is gone: ${now}`];
  demand(placesOf(now) === placesOf(held), `it had ${placesOf(held)}, and has ${placesOf(now)}`);
  const wanted = booking.state === ReservationState.REFUNDING ? ReservationState.REFUNDED : booking.state!;
  demand(now.state === wanted, `it was told to be ${ReservationState[wanted]}, and is ${ReservationState[now.state]}`);

  const again = await ask((bounds) => buyer.reservations.createReservation(wish, bounds));
  demand(placesOf(again.reservation!) === placesOf(held), "asked for again it has other places");
  for (const { key, token, answer } of attempts) {
    const request = { eventId: wish.eventId, reservationId: wish.reservationId };
    const repeated = await ask((bounds) =>
      buyer.reservations.checkout({ ...request, paymentMethodToken: token, idempotencyKey: key }, bounds),
    ).then(({ reservation }) => ReservationState[reservation!.state]!, refusalOf);
    // The answer to a payment that succeeded is the booking as it stands now.
    const due = answer === "CONFIRMED" ? ReservationState[wanted]! : answer;
    demand(repeated === due, `a payment that was answered with ${answer} is now answered with ${repeated}`);
  }
  if (now.state === ReservationState.CONFIRMED) {
    const [told, tells] = [paidBackMinor(booking), now.refunded?.amountMinor ?? 0n];
    demand(told === tells, `${told} of it was paid back, and it says ${tells}`);
  }
  for (const words of await brokenRefunds(booking, ask)) demand(false, words);
  for (const words of await brokenTickets(booking, now, { ask, gate })) demand(false, words);
  return broken;
}

function seatsWithTwoOwners(bookings: readonly Booking[]): string[] {
  const owners = new Map<string, string>();
  const doubles: string[] = [];
  for (const { held, state, wish, refunds } of bookings) {
    if (!held || (state !== ReservationState.HELD && state !== ReservationState.CONFIRMED)) continue;
    for (const { row, number } of held.seats) {
      if (refunds.some(({ seat }) => seat?.row === row && seat.number === number)) continue;
      const seat = `${wish.eventId} ${wish.areaId} ${row}${number}`;
      const other = owners.get(seat);
      if (other !== undefined) doubles.push(`${seat} was given to ${other} and to ${wish.reservationId}`);
      owners.set(seat, wish.reservationId);
    }
  }
  return doubles;
}

/** Returns which bookings are still being worked on, and which events still wait to be published. */
export async function unfinishedWork(
  bookings: readonly Booking[],
  ask: Ask,
  { sql }: Pick<FaultStack, "sql">,
): Promise<string[]> {
  const unfinished: string[] = [];
  const held = bookings.filter((booking) => booking.held);
  await inLanes(held, async (booking) => {
    const { buyer, wish } = booking;
    const { reservation } = await ask((bounds) => buyer.reservations.getReservation(wish, bounds));
    const { state } = reservation!;
    if (state === ReservationState.PAYING || state === ReservationState.REFUNDING) {
      unfinished.push(`${wish.reservationId} is still ${ReservationState[state]}`);
    }
    unfinished.push(...(await unfinishedRefunds(booking, ask)));
  });
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from reservation.outbox`;
  if (row!.count > 0) unfinished.push(`${row!.count} rows of the outbox wait to be published`);
  return unfinished;
}

/** Returns what the system's own checks find, asked through the public API. */
export async function violations({ organiser }: Pick<Cast, "organiser">, ask: Ask): Promise<string[]> {
  const { reports } = await ask((bounds) => organiser.operations.checkInvariants({}, bounds), 20_000);
  if (!reports.some(({ examined }) => examined > 0n)) return ["CheckInvariants looked at nothing"];
  return reports
    .filter((report) => report.violations > 0n)
    .map(({ name, violations: count, examples }) => `${name}: ${count} (${examples.join(", ")})`);
}

function placesOf({ quantity, seats }: Reservation): string {
  return seats.length === 0 ? `${quantity} places` : seats.map(({ row, number }) => `${row}${number}`).join(" ");
}
