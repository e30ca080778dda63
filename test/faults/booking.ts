// A booking as its buyer knows it: what was asked under which key, and what was answered. Whatever is written here was
// acknowledged, and has to stay true.

import { Code, ConnectError } from "@connectrpc/connect";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Refund, RefundReservationRequestSchema } from "#gen/boxoffice/edge/v1/operations";
import { ReservationState, type Reservation } from "#gen/boxoffice/edge/v1/reservation";
import type {
  AdmitTicketRequestSchema,
  AdmitTicketResponse,
  SubmitScansRequestSchema,
  Ticket,
} from "#gen/boxoffice/edge/v1/ticket";
import type { bestOf, EdgeUser } from "../support/edge.ts";
import { refusalOf, type Ask, type CallBounds } from "./ask.ts";
import type { Bank } from "./provider.ts";

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
  /** Parts that the organiser gave back, with the seat that came back. */
  refunds: { by: EdgeUser; request: RefundRequest; answer: Refund; seat: Ticket["seat"] }[];
  /** A ticket that was given to somebody, and the code that it had before. */
  given?: { to: EdgeUser; ticket: Ticket; oldCode: string };
  /** Scans of one ticket at a door, all at once; one of them let somebody in. */
  admitted?: { scans: { scan: Scan; answer: AdmitTicketResponse }[] };
  /** What gates let in with one ticket while they were offline; the last of them was the first to do so. */
  handedIn?: { ticketId: string; requests: HandIn[] };
};

/** A part to be given back. */
export type RefundRequest = MessageInitShape<typeof RefundReservationRequestSchema>;
/** A scan at a door. */
export type Scan = MessageInitShape<typeof AdmitTicketRequestSchema>;
/** Scans of a gate that was offline. */
export type HandIn = MessageInitShape<typeof SubmitScansRequestSchema>;

/** How somebody pays. Whoever is sent to the bank's page says yes or no there. */
export type Payment = { token: string; key: string; bank: Bank; isProven?: boolean };

const checkoutTimeoutMs = 8_000;

/** Returns a booking that nobody has asked for yet. */
export function newBooking(buyer: EdgeUser, wish: Booking["wish"]): Booking {
  return { buyer, wish, attempts: [], refunds: [] };
}

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

/** Pays, by way of the bank's page where there is one, and returns what was answered: `CONFIRMED`, or the refusal's reason. */
export async function pay(booking: Booking, ask: Ask, payment: Payment): Promise<string> {
  const { token, key, bank, isProven = true } = payment;
  const checkout = async (bounds: CallBounds) => {
    const reservation = await checkOut(booking, payment, bounds);
    if (!reservation.nextAction) return reservation;
    await bank.answer(reservation.nextAction.redirectUrl, isProven);
    throw askAgain("the bank has been told");
  };
  const answer = await ask(checkout, checkoutTimeoutMs).then(({ state }) => ReservationState[state]!, refusalOf);
  booking.attempts.push({ key, token, answer });
  if (answer === "CONFIRMED") booking.state = ReservationState.CONFIRMED;
  if (answer === "HOLD_EXPIRED") booking.state = ReservationState.EXPIRED;
  return answer;
}

/** Begins to pay with a card whose bank wants to see its holder, and returns the bank's page. */
export async function visitBank(booking: Booking, ask: Ask, payment: Omit<Payment, "bank">): Promise<string> {
  const { nextAction } = await ask((bounds) => checkOut(booking, payment, bounds), checkoutTimeoutMs);
  if (!nextAction) throw new Error(`nobody was sent to the bank: ${booking.wish.reservationId}`);
  return nextAction.redirectUrl;
}

/** Closes the bank's page and gives the seats back. */
export async function giveUp(booking: Booking, ask: Ask, payment: Payment): Promise<void> {
  await visitBank(booking, ask, payment);
  await cancel(booking, ask);
  const answer = await pay(booking, ask, payment);
  if (answer !== "WRONG_STATE") throw new Error(`a payment that was given up was answered with ${answer}`);
}

/** Gives the hold or the paid booking back. */
export async function cancel(booking: Booking, ask: Ask): Promise<void> {
  const { buyer, wish } = booking;
  const { reservation } = await ask(async (bounds) => {
    const answer = await buyer.reservations.cancelReservation(wish, bounds);
    if (answer.reservation!.state === ReservationState.PAYING) throw askAgain("the payment is being given back");
    return answer;
  });
  booking.state = reservation!.state;
}

async function checkOut(
  { buyer, wish: { eventId, reservationId } }: Booking,
  { token, key }: Pick<Payment, "token" | "key">,
  bounds: CallBounds,
): Promise<Reservation> {
  const request = { eventId, reservationId, paymentMethodToken: token, idempotencyKey: key };
  return (await buyer.reservations.checkout(request, bounds)).reservation!;
}

function askAgain(because: string): ConnectError {
  return new ConnectError(because, Code.Aborted);
}
