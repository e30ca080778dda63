// A booking as its buyer knows it: what was asked under which key, and what was answered. Whatever is written here was
// acknowledged, and has to stay true.

import { ReservationState, type Reservation } from "#gen/boxoffice/edge/v1/reservation";
import type { AdmitTicketResponse, Ticket } from "#gen/boxoffice/edge/v1/ticket";
import type { bestOf, EdgeUser } from "../support/edge.ts";
import { refusalOf, type Ask } from "./ask.ts";

/** A booking and all that was answered about it. */
export type Booking = {
  buyer: EdgeUser;
  wish: ReturnType<typeof bestOf>;
  /** The reservation as it was first told; undefined while that is unknown, and for ever where it was refused. */
  held?: Reservation;
  /** Why it was refused. */
  refused?: string;
  /** The state that the last answer said. */
  state?: ReservationState;
  /** Attempts to pay whose answers are known: `CONFIRMED`, or a refusal's reason. */
  attempts: { key: string; token: string; answer: string }[];
  /** A ticket that was given to somebody. */
  given?: { to: EdgeUser; ticket: Ticket };
  /** A ticket that opened a door. */
  admitted?: { by: EdgeUser; scan: Scan; answer: AdmitTicketResponse };
};

/** A scan at a door. */
export type Scan = { eventId: string; code: string; deviceId: string; nonce: string; gate: string };

const checkoutTimeoutMs = 8_000;

/** Asks for seats. */
export async function hold(booking: Booking, ask: Ask): Promise<void> {
  const { buyer, wish } = booking;
  try {
    const { reservation } = await ask((bounds) => buyer.reservations.createReservation(wish, bounds));
    booking.held = reservation!;
    booking.state = reservation!.state;
  } catch (error) {
    booking.refused = refusalOf(error);
  }
}

/** Pays with `token` under `key`, and returns what was answered: `CONFIRMED`, or the refusal's reason. */
export async function pay(booking: Booking, ask: Ask, token: string, key: string): Promise<string> {
  const { buyer, wish } = booking;
  const request = {
    eventId: wish.eventId,
    reservationId: wish.reservationId,
    paymentMethodToken: token,
    idempotencyKey: key,
  };
  const answer = await ask((bounds) => buyer.reservations.checkout(request, bounds), checkoutTimeoutMs).then(
    ({ reservation }) => ReservationState[reservation!.state]!,
    refusalOf,
  );
  booking.attempts.push({ key, token, answer });
  if (answer === "CONFIRMED") booking.state = ReservationState.CONFIRMED;
  if (answer === "HOLD_EXPIRED") booking.state = ReservationState.EXPIRED;
  return answer;
}

/** Gives the hold or the paid booking back. */
export async function cancel(booking: Booking, ask: Ask): Promise<void> {
  const { buyer, wish } = booking;
  const { reservation } = await ask((bounds) => buyer.reservations.cancelReservation(wish, bounds));
  booking.state = reservation!.state;
}

/** Gives the booking's first ticket to `to`. */
export async function transfer(booking: Booking, ask: Ask, to: EdgeUser): Promise<void> {
  const { buyer, wish } = booking;
  const { ticketId, epoch } = await firstTicket(booking, ask);
  const request = { eventId: wish.eventId, ticketId, epoch, receiverId: to.customerId };
  const { ticket } = await ask((bounds) => buyer.tickets.transferTicket(request, bounds));
  booking.given = { to, ticket: ticket! };
}

/** Has the booking's first ticket scanned by `by`. */
export async function admit(booking: Booking, ask: Ask, by: EdgeUser): Promise<void> {
  const { buyer, wish } = booking;
  const { ticketId } = await firstTicket(booking, ask);
  const { code } = await ask((bounds) => buyer.tickets.getTicketQr({ eventId: wish.eventId, ticketId }, bounds));
  const scan = { eventId: wish.eventId, code, deviceId: "scanner-1", nonce: ticketId, gate: "north" };
  const answer = await ask((bounds) => by.tickets.admitTicket(scan, bounds));
  if (answer.outcome.case !== "admitted") throw new Error(`a good ticket was not let in: ${ticketId}`);
  booking.admitted = { by, scan, answer };
}

async function firstTicket({ buyer, wish }: Booking, ask: Ask): Promise<Ticket> {
  const { tickets } = await ask((bounds) => buyer.tickets.listTickets({ reservationId: wish.reservationId }, bounds));
  if (!tickets[0]) throw new Error(`a confirmed booking has no ticket: ${wish.reservationId}`);
  return tickets[0];
}
