// What was given back of a paid booking, in words: each refund from who asked for it to its end.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { amountText, countText, utcText, type Told } from "#shared/story";
import { Phase, totalMinor, type Booking } from "./booking.ts";
import type { BookingHistory, RefundRecord } from "./booking-history.ts";
import { eventWords } from "./event-words.ts";
import { placeText } from "./ticket-story.ts";

/** Returns what happened to the refunds of a booking, oldest first. */
export function refundEntries(history: BookingHistory): Told[] {
  return history.refunds.flatMap((refund) => [
    startedEntry(history, refund),
    ...(isRunning(history, refund) ? [] : [endedEntry(history, refund)]),
  ]);
}

/** Returns what is left to do for the running refund, if there is one. */
export function refundNext(history: BookingHistory): string[] {
  const { booking } = history;
  return history.refunds
    .filter((refund) => isRunning(history, refund))
    .map((refund) => {
      const steps = [
        ...(refund.amountMinor > 0 ? [`payment gives ${moneyText(booking, refund.amountMinor)} back`] : []),
        ...(refund.kind === "amount" ? [] : ["inventory takes the places back"]),
        booking.phase === Phase.refunding ? "the booking is REFUNDED" : "the rest of the booking stands as before",
      ];
      return `Of refund ${refund.refundId}: ${steps.join(", then ")}; until then no other can begin.`;
    });
}

/** Returns what a confirmed booking has given back so far, with a space before it; nothing where it never did. */
export function refundSummary(history: BookingHistory): string {
  const { booking, refunds, tickets } = history;
  if (refunds.length === 0) return "";
  const taken = tickets.filter(isTaken).length;
  const running = refunds.find((refund) => isRunning(history, refund));
  return (
    ` ${countText(refunds.length, "refund")}: ${moneyText(booking, booking.refundedMinor)} of ` +
    `${moneyText(booking, totalMinor(booking))}, and ${taken} of ${countText(tickets.length, "ticket")}` +
    (running ? `; refund ${running.refundId} runs since ${utcText(booking.phaseAt)}.` : ".")
  );
}

/** True where a refund took some of a booking's places, or is about to. */
export function hasReturnedPlaces({ tickets }: BookingHistory): boolean {
  return tickets.some(isTaken);
}

function isTaken({ refundId }: BookingHistory["tickets"][number]): boolean {
  return refundId !== null;
}

// A booking has one running refund at a time.
function isRunning({ booking }: BookingHistory, { refundId }: RefundRecord): boolean {
  const { phase } = booking;
  return (phase === Phase.refunding || phase === Phase.partRefunding) && refundId === booking.refundId;
}

function startedEntry(history: BookingHistory, refund: RefundRecord): Told {
  const { booking } = history;
  const text =
    `A refund of ${moneyText(booking, refund.amountMinor)} began, asked for by ${askerText(booking, refund)} ` +
    `("${refund.reason}"): ${partText(history, refund)}.${placesWords(history, refund)}${madeUpWords(booking, refund)}`;
  return { kind: StoryKind.REFUND_STARTED, at: refund.createdAt, text, ids: idsOf(refund) };
}

function endedEntry(history: BookingHistory, refund: RefundRecord): Told {
  const { booking } = history;
  const ids = idsOf(refund);
  const isLast = refund.refundId === booking.refundId;
  const places = refund.kind === "amount" ? "" : " and the places are back";
  if (isLast && booking.phase === Phase.refunded) {
    const text = `The money is back${places}: nothing is left of the booking.${eventWords(history, "reservation.refunded")}`;
    return { kind: StoryKind.RESERVATION_REFUNDED, at: refund.endedAt ?? booking.phaseAt, text, ids };
  }
  // Which of several waiting messages is an earlier refund's can't be told.
  const event = isLast ? eventWords(history, "reservation.partly_refunded") : "";
  const text = `${moneyText(booking, refund.amountMinor)} are back${places}; the rest of the booking stands.${event}`;
  return { kind: StoryKind.RESERVATION_PARTLY_REFUNDED, at: refund.endedAt, text, ids };
}

function askerText({ customerId, confirmedAt }: BookingHistory["booking"], { requestedBy }: RefundRecord): string {
  if (!confirmedAt) return "the service itself";
  return requestedBy === customerId ? "the customer" : `an organiser, ${requestedBy}`;
}

function partText({ booking, tickets }: BookingHistory, refund: RefundRecord): string {
  if (!booking.confirmedAt) return "the booking never came to be confirmed";
  const taken = tickets.filter(({ refundId }) => refundId === refund.refundId);
  const places = `${countText(taken.length, "ticket")} (${taken.map(placeText).join(", ")})`;
  switch (refund.kind) {
    case "whole":
      return `all that was left, ${places}`;
    case "tickets":
      return `${places}, by name`;
    case "amount":
      return "an amount alone; every seat stays sold and every ticket good";
  }
}

function placesWords({ booking }: BookingHistory, { kind, keepBlocked }: RefundRecord): string {
  if (kind === "amount" || !booking.confirmedAt) return "";
  return keepBlocked ? " The places are to be kept from sale." : " The places go on sale again.";
}

// Never more money than was left: what was paid back by amount before counts.
function madeUpWords(booking: BookingHistory["booking"], { amountMinor, returnedMinor }: RefundRecord): string {
  if (amountMinor >= returnedMinor) return "";
  return ` They had cost ${moneyText(booking, returnedMinor)}, of which earlier refunds paid the rest back.`;
}

function moneyText({ currency }: Pick<Booking, "currency">, amountMinor: number): string {
  return amountText({ amountMinor, currency });
}

function idsOf({ reservationId, refundId }: RefundRecord): Record<string, string> {
  return { reservation_id: reservationId, refund_id: refundId };
}
