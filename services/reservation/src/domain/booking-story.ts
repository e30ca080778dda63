// What happened to a booking, in words.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { assertNever } from "#shared/assert-never";
import { amountText, countText, utcText, type StoryPart, type Told } from "#shared/story";
import { isFree, isUnfinished, Phase, phaseNames, stateOf, totalMinor } from "./booking.ts";
import {
  admissionsMax,
  transfersMax,
  type AttemptRecord,
  type BookingHistory,
  type BookingRecord,
} from "./booking-history.ts";
import { endReasonWords } from "./end-reason-words.ts";
import { eventWords } from "./event-words.ts";
import { hasReturnedPlaces, refundEntries, refundNext, refundSummary } from "./refund-story.ts";
import { parseSeats, seatsText } from "./seats.ts";
import { ticketEntries, transfersOf } from "./ticket-story.ts";
import { CheckoutOutcome } from "./transition.ts";

/** Returns the story of a booking. */
export function bookingStory(history: BookingHistory): StoryPart {
  const { booking, attempts } = history;
  const told = [
    createdEntry(history),
    ...attempts.flatMap((attempt, index) => attemptEntries(attempt, index + 1, booking)),
    ...stepEntries(booking),
    ...confirmedEntries(history),
    ...inOrder([...ticketEntries(history), ...refundEntries(history), ...endEntries(history)], booking.phaseAt),
  ];
  return {
    id: booking.reservationId,
    summary: summaryOf(history),
    told,
    next: [...nextOf(history), ...refundNext(history), ...waitingWords(history)],
    gaps: gapsOf(history, told),
  };
}

function createdEntry(history: BookingHistory): Told {
  const { booking } = history;
  const places = booking.seats === "" ? countText(booking.quantity, "place") : seatsText(parseSeats(booking.seats));
  const price = amountText({ amountMinor: booking.unitPriceMinor, currency: booking.currency });
  // A hold that had ended before its booking could be written was never announced.
  const isAnnounced = booking.holdExpiresAt > booking.createdAt;
  return {
    kind: StoryKind.RESERVATION_CREATED,
    at: booking.createdAt,
    text:
      `The reservation was written: ${places} in ${booking.areaId} for customer ${booking.customerId}, ${price} each.` +
      (isAnnounced ? eventWords(history, "reservation.held") : ""),
    ids: idsOf(booking),
  };
}

function attemptEntries(attempt: AttemptRecord, number: number, booking: BookingRecord): Told[] {
  const total = amountText({ amountMinor: totalMinor(booking), currency: booking.currency });
  const asked = isFree(booking) ? "it costs nothing" : `${total} by payment ${attempt.paymentId}`;
  const ids = { ...idsOf(booking), ...(isFree(booking) ? {} : { payment_id: attempt.paymentId }) };
  const started: Told = {
    kind: StoryKind.CHECKOUT_STARTED,
    at: attempt.startedAt,
    text: `Attempt ${number} to pay began: ${asked}. The step was written before anybody was asked.`,
    ids,
  };
  if (attempt.outcome === null) return [started];
  const text = `Attempt ${number} to pay ${endWords(attempt.outcome, attempt.declineReason)}`;
  return [started, { kind: StoryKind.CHECKOUT_ENDED, at: attempt.endedAt, text, ids }];
}

function endWords(outcome: CheckoutOutcome, declineReason: string | null): string {
  switch (outcome) {
    case CheckoutOutcome.confirmed:
      return "succeeded.";
    case CheckoutOutcome.declined:
      return `was declined (${declineReason}); the hold stayed as it was.`;
    case CheckoutOutcome.expired:
      return "came to nothing: the hold or the payment did not last. What was authorised or captured is given back.";
    default:
      return assertNever(outcome);
  }
}

// Steps that only the phase tells of: they are kept while they last.
function stepEntries(booking: BookingRecord): Told[] {
  const step = (kind: StoryKind, text: string): Told[] => [{ kind, at: booking.phaseAt, text, ids: idsOf(booking) }];
  switch (booking.phase) {
    case Phase.capturing:
      return step(
        StoryKind.CAPTURE_STARTED,
        "The seats are sold; the step was written before the payment is captured.",
      );
    case Phase.voiding:
      return step(StoryKind.UNDO_STARTED, "The payment can't be completed: its authorisation and the seats go back.");
    default:
      return [];
  }
}

function confirmedEntries(history: BookingHistory): Told[] {
  const { booking } = history;
  if (!booking.confirmedAt) return [];
  return [
    {
      kind: StoryKind.RESERVATION_CONFIRMED,
      at: booking.confirmedAt,
      text: `Paid and confirmed.${eventWords(history, "reservation.confirmed")}`,
      ids: idsOf(booking),
    },
  ];
}

function endEntries(history: BookingHistory): Told[] {
  const { booking } = history;
  const { phaseAt: at } = booking;
  const ids = idsOf(booking);
  switch (booking.phase) {
    case Phase.releasing:
    case Phase.cancelled: {
      const words =
        booking.phase === Phase.cancelled
          ? "The customer had given the hold back, and its seats are free."
          : "The customer gave the hold back; inventory has yet to free its seats.";
      const text = `${words}${eventWords(history, "reservation.cancelled")}`;
      return [{ kind: StoryKind.RESERVATION_CANCELLED, at, text, ids }];
    }
    case Phase.expired: {
      const text = `The reservation expired.${eventWords(history, "reservation.expired")}`;
      return [{ kind: StoryKind.RESERVATION_EXPIRED, at, text, ids }];
    }
    case Phase.refunding:
    case Phase.partRefunding:
    case Phase.refunded:
    case Phase.held:
    case Phase.authorizing:
    case Phase.capturing:
    case Phase.voiding:
    case Phase.confirmed:
      return [];
    default:
      return assertNever(booking.phase);
  }
}

// By time, then by cause and effect; what has no time stands as if it had been at `latest`.
function inOrder(told: Told[], latest: Date): Told[] {
  const timeOf = ({ at }: Told) => (at ?? latest).getTime();
  return told.toSorted((a, b) => timeOf(a) - timeOf(b) || a.kind - b.kind);
}

function summaryOf(history: BookingHistory): string {
  const { booking } = history;
  const state = stateOf(booking);
  switch (state) {
    case "HELD":
      return `HELD until ${utcText(booking.holdExpiresAt)}: the customer may pay.`;
    case "PAYING":
      return `PAYING, in step ${phaseNames[booking.phase]} since ${utcText(booking.phaseAt)}.`;
    case "CONFIRMED":
      return `CONFIRMED: paid, the seats ${hasReturnedPlaces(history) ? "that are left " : ""}are the customer's.${refundSummary(history)}`;
    case "EXPIRED":
      return `EXPIRED: ${endReasonWords(booking.endReason)}.`;
    case "CANCELLED":
      return "CANCELLED: the customer gave the hold back.";
    case "REFUNDING":
      return `REFUNDING since ${utcText(booking.phaseAt)}.`;
    case "REFUNDED":
      return "REFUNDED: the money is back.";
    default:
      return assertNever(state);
  }
}

function nextOf({ booking, now }: BookingHistory): string[] {
  const { phase, lapsed, nextAttemptAt } = booking;
  if (phase === Phase.held) {
    return lapsed
      ? ["The sweeper writes the reservation down as expired within seconds."]
      : [`The reservation expires at ${utcText(booking.holdExpiresAt)}, unless it is paid.`];
  }
  if (!isUnfinished(phase) || nextAttemptAt === null) return [];
  if (phase === Phase.authorizing && booking.nextActionUrl !== null) {
    return [
      `The customer has to act on the provider's page; it is looked at again after ${utcText(nextAttemptAt)} or when the provider says so.`,
    ];
  }
  // A look may have been a call without an answer, a refusal that stands, or a wait in which nobody was asked.
  const looks = booking.attempts > 0 ? `, not finished at ${countText(booking.attempts, "look")}` : "";
  const step = `step ${phaseNames[phase]}${looks}`;
  return nextAttemptAt > now
    ? [`Unless it is finished before, the reconciler takes it up after ${utcText(nextAttemptAt)} (${step}).`]
    : [`Nobody works on it since ${utcText(nextAttemptAt)}: the reconciler takes it up at its next round (${step}).`];
}

function waitingWords({ waiting }: BookingHistory): string[] {
  return (waiting ?? []).map((type) => `${type} is published as soon as Redis takes it.`);
}

function gapsOf({ booking, tickets, transfers, admissions, waiting }: BookingHistory, told: readonly Told[]): string[] {
  return [
    ...new Set(told.filter(({ at }) => at === null).map(({ kind }) => `The time of ${StoryKind[kind]} is not kept.`)),
    ...(booking.phase === Phase.cancelled
      ? ["When the customer gave it back is not kept, only when that was done."]
      : []),
    ...(isUnfinished(booking.phase)
      ? ["Which replica works on it is not kept, only until when others stay away."]
      : []),
    ...(booking.holdId === booking.reservationId
      ? []
      : [`When it was paid late is not kept, only that its seats were held again for it, as hold ${booking.holdId}.`]),
    ...(transfers.length < tickets.reduce((count, ticket) => count + transfersOf(ticket), 0)
      ? [`Transfers are left out: more than ${transfersMax}, or from before all of them were kept.`]
      : []),
    ...(admissions.length === admissionsMax ? [`Admissions after the first ${admissionsMax} are left out.`] : []),
    ...(waiting === undefined ? ["The outbox is too long to be looked through for this reservation's events."] : []),
    "When the booking's messages, like reservation.held, were published is not kept.",
  ];
}

function idsOf({ reservationId, customerId }: BookingRecord): Record<string, string> {
  return { reservation_id: reservationId, customer_id: customerId };
}
