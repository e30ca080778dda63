// A booking as the service knows it: the reservation, and how far the work on it has come.

/** Where a booking stands, step by step. The numbers are those of the column `phase`. */
export const Phase = {
  /** Seats are held; nothing runs. */
  held: 1,
  /** The provider is being asked to authorise, then inventory to confirm the seats. */
  authorizing: 2,
  /** The seats are sold; the payment is being captured. */
  capturing: 3,
  /** The seats were lost: the authorisation is being given back. */
  voiding: 4,
  /** Paid; the seats are the customer's. */
  confirmed: 5,
  /** Given back after it was paid: the refund runs, then the seats are freed. */
  refunding: 6,
  refunded: 7,
  /** Cancelled; inventory has yet to hear of it. */
  releasing: 8,
  cancelled: 9,
  expired: 10,
  /** A part of it is being given back; the rest stays confirmed. */
  partRefunding: 11,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** The phases' names, for logs and metrics. */
export const phaseNames = Object.fromEntries(Object.entries(Phase).map(([name, phase]) => [phase, name])) as Record<
  Phase,
  keyof typeof Phase
>;

/** What callers see of a phase; the names are those of the proto's ReservationState. */
export type BookingState = "HELD" | "PAYING" | "CONFIRMED" | "EXPIRED" | "CANCELLED" | "REFUNDING" | "REFUNDED";

/** Why a booking ended otherwise than its customer wished. The numbers are those of the column `end_reason`. */
export const EndReason = {
  holdLapsed: 1,
  /** Authorised, then the capture was refused. */
  captureDeclined: 2,
  /** The payment came after the hold's end, and the seats could not be had any more. */
  paidTooLate: 3,
  /** The customer gave up while the provider waited for them. */
  cancelled: 4,
} as const;
export type EndReason = (typeof EndReason)[keyof typeof EndReason];

/** A booking. */
export type Booking = {
  eventId: string;
  reservationId: string;
  customerId: string;
  areaId: string;
  quantity: number;
  /** As `encodeSeats` writes them. */
  seats: string;
  unitPriceMinor: number;
  currency: string;
  phase: Phase;
  phaseAt: Date;
  /** The payment of the latest attempt. */
  paymentId: string | null;
  /** The provider's token, while the authorisation is not answered. Never logged. */
  paymentMethodToken: string | null;
  /** Where the customer has to go before the payment is authorised; null when there is nothing to do but wait. */
  nextActionUrl: string | null;
  /** The hold in inventory: the reservation's own id, or another one where its seats had to be held again. */
  holdId: string;
  endReason: EndReason | null;
  /** Its latest refund. */
  refundId: string | null;
  /** What its refunds pay back together, the running one included. */
  refundedMinor: number;
  /** Attempts to pay so far. */
  checkoutCount: number;
  /** Tries of this phase's calls so far, since the customer was last waited for. */
  attempts: number;
  createdAt: Date;
  holdExpiresAt: Date;
  confirmedAt: Date | null;
  /** True when the hold's end had passed by the database's clock as the row was read. */
  lapsed: boolean;
};

/** What names a booking. */
export type BookingKey = { eventId: string; reservationId: string };

/** Most attempts to pay one reservation. */
export const checkoutsMax = 10;

const states: Record<Phase, BookingState> = {
  [Phase.held]: "HELD",
  [Phase.authorizing]: "PAYING",
  [Phase.capturing]: "PAYING",
  [Phase.voiding]: "PAYING",
  [Phase.confirmed]: "CONFIRMED",
  [Phase.partRefunding]: "CONFIRMED",
  [Phase.refunding]: "REFUNDING",
  [Phase.refunded]: "REFUNDED",
  [Phase.releasing]: "CANCELLED",
  [Phase.cancelled]: "CANCELLED",
  [Phase.expired]: "EXPIRED",
};

/** Returns the state that callers see. A lapsed hold is EXPIRED even before it is swept. */
export function stateOf({ phase, lapsed }: Pick<Booking, "phase" | "lapsed">): BookingState {
  return phase === Phase.held && lapsed ? "EXPIRED" : states[phase];
}

/** Returns the phases that callers see as `state`, the lapsed hold's apart. */
export function phasesOf(state: BookingState): Phase[] {
  return Object.values(Phase).filter((phase) => states[phase] === state);
}

/** True while there is work left to do without the customer. */
export function isUnfinished(phase: Phase): boolean {
  switch (phase) {
    case Phase.authorizing:
    case Phase.capturing:
    case Phase.voiding:
    case Phase.refunding:
    case Phase.partRefunding:
    case Phase.releasing:
      return true;
    default:
      return false;
  }
}

/** Returns what a checkout captures, in minor units. */
export function totalMinor({ unitPriceMinor, quantity }: Pick<Booking, "unitPriceMinor" | "quantity">): number {
  return unitPriceMinor * quantity;
}

/** True for bookings that cost nothing: no provider is ever asked about them. */
export function isFree(booking: Pick<Booking, "unitPriceMinor">): boolean {
  return booking.unitPriceMinor === 0;
}

/** Returns the booking's key as one string. */
export function keyOf({ eventId, reservationId }: BookingKey): string {
  return `${eventId}/${reservationId}`;
}
