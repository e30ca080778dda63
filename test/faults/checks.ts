// What has to hold after every fault: all that was acknowledged is still so, nothing is left unfinished, and the system's own
// checks find nothing.

import { ReservationState, type Reservation } from "#gen/boxoffice/edge/v1/reservation";
import { TicketState } from "#gen/boxoffice/edge/v1/ticket";
import { refusalOf, type Ask } from "./ask.ts";
import type { Booking } from "./booking.ts";
import type { Cast } from "./buyers.ts";
import type { FaultStack } from "./stack.ts";

const lanes = 8;
const noSuchThing = "NOT_FOUND";

/** Returns what is no longer as it was told, read back through the public API. Every request is repeated with its key too. */
export async function brokenPromises(bookings: readonly Booking[], ask: Ask): Promise<string[]> {
  const broken: string[] = [];
  const waiting = [...bookings];
  const work = async () => {
    for (let booking = waiting.shift(); booking; booking = waiting.shift()) {
      broken.push(...(await brokenPromisesOf(booking, ask)));
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return [...broken, ...seatsWithTwoOwners(bookings)];
}

async function brokenPromisesOf(booking: Booking, ask: Ask): Promise<string[]> {
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
    ).then(() => "CONFIRMED", refusalOf);
    demand(repeated === answer, `a payment that was answered with ${answer} is now answered with ${repeated}`);
  }
  for (const words of await brokenTickets(booking, now, ask)) demand(false, words);
  return broken;
}

async function brokenTickets(booking: Booking, now: Reservation, ask: Ask): Promise<string[]> {
  const { buyer, wish, given, admitted } = booking;
  const broken: string[] = [];
  const listOf = async (who: Booking["buyer"]) =>
    (await ask((bounds) => who.tickets.listTickets({ reservationId: wish.reservationId }, bounds))).tickets;
  const tickets = await listOf(buyer);
  const live = tickets.filter(({ state }) => state === TicketState.VALID || state === TicketState.ADMITTED).length;
  const wanted = now.state === ReservationState.CONFIRMED ? now.quantity - (given ? 1 : 0) : 0;
  if (live !== wanted) broken.push(`it has ${live} live tickets instead of ${wanted}`);
  if (given) {
    const theirs = (await listOf(given.to)).find(({ ticketId }) => ticketId === given.ticket.ticketId);
    if (theirs?.epoch !== given.ticket.epoch) broken.push("a ticket that was given away is not its receiver's");
  }
  if (admitted) {
    const { outcome } = await ask((bounds) => admitted.by.tickets.admitTicket(admitted.scan, bounds));
    const first = admitted.answer.outcome.case === "admitted" ? admitted.answer.outcome.value.admission : undefined;
    const same =
      outcome.case === "admitted" &&
      String(outcome.value.admission?.admitTime?.seconds) === String(first?.admitTime?.seconds);
    if (!same) broken.push("a scan that was let in is answered otherwise now");
  }
  return broken;
}

function seatsWithTwoOwners(bookings: readonly Booking[]): string[] {
  const owners = new Map<string, string>();
  const doubles: string[] = [];
  for (const { held, state, wish } of bookings) {
    if (!held || (state !== ReservationState.HELD && state !== ReservationState.CONFIRMED)) continue;
    for (const { row, number } of held.seats) {
      const seat = `${wish.eventId} ${wish.areaId} ${row}${number}`;
      const other = owners.get(seat);
      if (other !== undefined) doubles.push(`${seat} was given to ${other} and to ${wish.reservationId}`);
      owners.set(seat, wish.reservationId);
    }
  }
  return doubles;
}

/** Returns which bookings are still being worked on, and which events still wait to be published. */
export async function unfinishedWork(bookings: readonly Booking[], ask: Ask, { sql }: FaultStack): Promise<string[]> {
  const unfinished: string[] = [];
  for (const { buyer, wish, held } of bookings) {
    if (!held) continue;
    const { reservation } = await ask((bounds) => buyer.reservations.getReservation(wish, bounds));
    const { state } = reservation!;
    if (state === ReservationState.PAYING || state === ReservationState.REFUNDING) {
      unfinished.push(`${wish.reservationId} is still ${ReservationState[state]}`);
    }
  }
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from reservation.outbox`;
  if (row!.count > 0) unfinished.push(`${row!.count} rows of the outbox wait to be published`);
  return unfinished;
}

/** Returns what the system's own checks find, asked through the public API. */
export async function violations({ organiser }: Cast, ask: Ask): Promise<string[]> {
  const { reports } = await ask((bounds) => organiser.operations.checkInvariants({}, bounds), 20_000);
  if (!reports.some(({ examined }) => examined > 0n)) return ["CheckInvariants looked at nothing"];
  return reports
    .filter((report) => report.violations > 0n)
    .map(({ name, violations: count, examples }) => `${name}: ${count} (${examples.join(", ")})`);
}

function placesOf({ quantity, seats }: Reservation): string {
  return seats.length === 0 ? `${quantity} places` : seats.map(({ row, number }) => `${row}${number}`).join(" ");
}
