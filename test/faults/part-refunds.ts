// What the organiser gives back of a paid booking: a ticket with its seat, or money alone.

import { v7 as uuidv7 } from "uuid";
import { RefundedSeats } from "#gen/boxoffice/edge/v1/operations";
import type { Ticket } from "#gen/boxoffice/edge/v1/ticket";
import type { EdgeUser } from "../support/edge.ts";
import { textOf, type Ask } from "./ask.ts";
import type { Booking, RefundRequest } from "./booking.ts";
import { ticketsOf } from "./doors.ts";

/** A part of a booking: its first ticket, or an amount in minor units. */
export type Part = { kind: "ticket" } | { kind: "amount"; amountMinor: bigint };

/** Has `by` give a part of the booking back. */
export async function refundPart(
  booking: Booking,
  ask: Ask,
  { by, part }: { by: EdgeUser; part: Part },
): Promise<void> {
  const { eventId, reservationId } = booking.wish;
  const about = { eventId, reservationId, refundId: uuidv7(), reason: "no view of the stage" };
  const ticket = part.kind === "ticket" ? (await ticketsOf(booking, ask))[0]! : undefined;
  const request: RefundRequest = { ...about, ...wishFrom(part, ticket) };
  const { refund } = await ask((bounds) => by.operations.refundReservation(request, bounds));
  booking.refunds.push({ by, request, answer: refund!, seat: ticket?.seat });
}

/** Asks again for each part that was given back. Returns which are not done yet. */
export async function unfinishedRefunds({ refunds, wish }: Booking, ask: Ask): Promise<string[]> {
  const unfinished: string[] = [];
  for (const { by, request } of refunds) {
    const { refund } = await ask((bounds) => by.operations.refundReservation(request, bounds));
    if (!refund!.done) unfinished.push(`a refund of ${wish.reservationId} is not done`);
  }
  return unfinished;
}

/** Asks again for each part that was given back. Returns what is answered otherwise now. */
export async function brokenRefunds({ refunds }: Booking, ask: Ask): Promise<string[]> {
  const broken: string[] = [];
  for (const { by, request, answer } of refunds) {
    const { refund } = await ask((bounds) => by.operations.refundReservation(request, bounds));
    if (textOf(refund) !== textOf(answer)) broken.push(`a refund was ${textOf(answer)}, and is ${textOf(refund)}`);
  }
  return broken;
}

/** Returns how many seats came back with parts. */
export function seatsReturned({ refunds }: Booking): number {
  return refunds.reduce((sum, { answer }) => sum + answer.ticketIds.length, 0);
}

/** Returns what parts paid back, in minor units. */
export function paidBackMinor({ refunds }: Booking): bigint {
  return refunds.reduce((sum, { answer }) => sum + answer.amount!.amountMinor, 0n);
}

function wishFrom(part: Part, ticket: Ticket | undefined): Pick<RefundRequest, "seats" | "part"> {
  if (part.kind === "amount") {
    return { part: { case: "amount", value: { currencyCode: "EUR", amountMinor: part.amountMinor } } };
  }
  return {
    seats: RefundedSeats.BACK_ON_SALE,
    part: { case: "tickets", value: { ticketIds: [ticket!.ticketId] } },
  };
}
