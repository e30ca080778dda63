// The state machine of a booking: phase + command → next phase and what to record with it. Pure; the store applies a move
// only while the booking still stands in the phase that it was decided from.

import { assertNever } from "#shared/assert-never";
import { checkoutsMax, EndReason, isFree, Phase, stateOf, type Booking, type BookingState } from "./booking.ts";

/** How an attempt to pay ended. The numbers are those of the column `outcome`. */
export const CheckoutOutcome = { confirmed: 1, declined: 2, expired: 3 } as const;
export type CheckoutOutcome = (typeof CheckoutOutcome)[keyof typeof CheckoutOutcome];

/** What is published about a booking. */
export type EventType =
  | "reservation.held"
  | "reservation.confirmed"
  | "reservation.cancelled"
  | "reservation.expired"
  | "reservation.partly_refunded"
  | "reservation.refunded";

/** Something that was asked for, or that became known. */
export type Command =
  /** The customer pays. */
  | { kind: "checkout" }
  /** The provider said no. */
  | { kind: "declined"; reason: string }
  /** The payment is authorised and inventory sold the seats. */
  | { kind: "seatsConfirmed" }
  /** The hold ended before the seats were sold, or the payment can't be authorised any more; `isPaid` where it was. */
  | { kind: "seatsLost"; isPaid: boolean }
  | { kind: "captured" }
  /** The payment can't be captured, now or later. */
  | { kind: "captureRefused" }
  /** The payment is void, or was declined, and the seats are free. */
  | { kind: "undone"; declineReason?: string }
  /** The payment can't be voided since it was captured: it has to be refunded. */
  | { kind: "voidRefused"; refundId: string }
  /** The customer gives it back. What was paid is a refund's to give back: see refund.ts. */
  | { kind: "cancel" }
  /** Inventory freed the seats of a cancelled hold. */
  | { kind: "released" }
  /** The hold's end has passed. The sweeper's statement decides the same for many at once. */
  | { kind: "expire" }
  /** The money is back and the seats are free. */
  | { kind: "refunded" }
  /** So is a part of them. */
  | { kind: "partRefunded" };

/** What becomes of a command. */
export type Decision =
  | {
      kind: "move";
      to: Phase;
      /** How the running attempt to pay ended, where it did. */
      outcome?: CheckoutOutcome;
      /** The provider's reason, with a declined attempt. */
      declineReason?: string;
      refundId?: string;
      endReason?: EndReason;
      event?: EventType;
    }
  /** It is so already, or a late message about a phase that is over: nothing changes. */
  | { kind: "stay" }
  /** Work is running that has to end first. */
  | { kind: "inProgress" }
  | { kind: "holdExpired" }
  /** It is paid: giving it back is a refund. */
  | { kind: "paid" }
  | { kind: "tooManyCheckouts" }
  | { kind: "wrongState"; state: BookingState };

type Subject = Pick<Booking, "phase" | "lapsed" | "unitPriceMinor" | "checkoutCount" | "nextActionUrl" | "endReason">;

/** Returns what `command` does to the booking. `lapsed` is the database's word on the hold at this moment. */
export function decide(booking: Subject, command: Command): Decision {
  const { phase } = booking;
  switch (command.kind) {
    case "checkout":
      return decideCheckout(booking);
    case "cancel":
      return decideCancel(booking);
    case "declined":
      return phase === Phase.authorizing
        ? { kind: "move", to: Phase.held, outcome: CheckoutOutcome.declined, declineReason: command.reason }
        : stay;
    case "seatsConfirmed":
      if (phase !== Phase.authorizing) return stay;
      return isFree(booking) ? confirmed : { kind: "move", to: Phase.capturing };
    case "seatsLost":
      return phase === Phase.authorizing
        ? { kind: "move", to: Phase.voiding, endReason: command.isPaid ? EndReason.paidTooLate : EndReason.holdLapsed }
        : stay;
    case "captured":
      return phase === Phase.capturing ? confirmed : stay;
    case "captureRefused":
      return phase === Phase.capturing
        ? { kind: "move", to: Phase.voiding, endReason: EndReason.captureDeclined }
        : stay;
    case "undone":
      return phase === Phase.voiding ? decideUndone(booking, command.declineReason) : stay;
    case "voidRefused":
      return phase === Phase.voiding
        ? { kind: "move", to: Phase.refunding, outcome: CheckoutOutcome.expired, refundId: command.refundId }
        : stay;
    case "released":
      return phase === Phase.releasing ? { kind: "move", to: Phase.cancelled } : stay;
    case "expire":
      return phase === Phase.held && booking.lapsed
        ? { kind: "move", to: Phase.expired, event: "reservation.expired" }
        : stay;
    case "refunded":
      return phase === Phase.refunding ? { kind: "move", to: Phase.refunded, event: "reservation.refunded" } : stay;
    case "partRefunded":
      return phase === Phase.partRefunding
        ? { kind: "move", to: Phase.confirmed, event: "reservation.partly_refunded" }
        : stay;
    default:
      return assertNever(command);
  }
}

const stay: Decision = { kind: "stay" };

const confirmed: Decision = {
  kind: "move",
  to: Phase.confirmed,
  outcome: CheckoutOutcome.confirmed,
  event: "reservation.confirmed",
};

function decideCheckout(booking: Subject): Decision {
  const state = stateOf(booking);
  switch (state) {
    case "HELD":
      return booking.checkoutCount < checkoutsMax
        ? { kind: "move", to: Phase.authorizing }
        : { kind: "tooManyCheckouts" };
    case "PAYING":
      return { kind: "inProgress" };
    case "EXPIRED":
      return { kind: "holdExpired" };
    case "CONFIRMED":
    case "CANCELLED":
    case "REFUNDING":
    case "REFUNDED":
      return { kind: "wrongState", state };
    default:
      return assertNever(state);
  }
}

// An attempt whose capture was declined says so; any other that was undone had no seats to pay for.
function decideUndone({ endReason }: Subject, declineReason: string | undefined): Decision {
  const isCancelled = endReason === EndReason.cancelled;
  return {
    kind: "move",
    to: isCancelled ? Phase.cancelled : Phase.expired,
    event: isCancelled ? "reservation.cancelled" : "reservation.expired",
    ...(endReason === EndReason.captureDeclined && declineReason
      ? { outcome: CheckoutOutcome.declined, declineReason }
      : { outcome: CheckoutOutcome.expired }),
  };
}

function decideCancel(booking: Subject): Decision {
  const state = stateOf(booking);
  switch (state) {
    case "HELD":
      return { kind: "move", to: Phase.releasing, event: "reservation.cancelled" };
    case "PAYING":
      return decidePayingCancel(booking);
    case "CONFIRMED":
      return { kind: "paid" };
    case "CANCELLED":
    case "REFUNDING":
    case "REFUNDED":
      return stay;
    case "EXPIRED":
      return { kind: "wrongState", state };
    default:
      return assertNever(state);
  }
}

// The customer who was sent to the bank's page may think better of it. Somebody may be finishing the payment at this very
// moment: of the two the first to write wins, and voiding takes back whatever else was done.
function decidePayingCancel({ phase, nextActionUrl, endReason }: Subject): Decision {
  if (phase === Phase.voiding && endReason === EndReason.cancelled) return stay;
  return phase === Phase.authorizing && nextActionUrl !== null
    ? { kind: "move", to: Phase.voiding, endReason: EndReason.cancelled }
    : { kind: "inProgress" };
}
