// Refunds of a paid booking: whole, by ticket, or by amount; one at a time, each by its own id. What a request does to a
// booking is decided with the booking and its tickets locked. Pure.

import { Phase, stateOf, totalMinor, type Booking, type BookingKey, type BookingState } from "./booking.ts";

/** What is to be given back. */
export type RefundWish =
  /** Whatever is left: all money, all places. */
  | { kind: "whole" }
  /** These tickets with their places, at the price that was paid. */
  | { kind: "tickets"; ticketIds: readonly string[] }
  /** Money alone; every place stays sold. */
  | { kind: "amount"; amountMinor: number; currency: string };

/** A refund as it is asked for. Its id is the caller's. */
export type RefundRequest = BookingKey & {
  refundId: string;
  reason: string;
  /** The places that come back are kept from sale. */
  keepBlocked: boolean;
  /** Who asks. */
  requestedBy: string;
  wish: RefundWish;
};

/** A refund as it was written down. */
export type Refund = Omit<RefundRequest, "wish"> & {
  kind: RefundWish["kind"];
  /** Those that were named, in order. */
  ticketIds: string[];
  /** What it pays back, in minor units. */
  amountMinor: number;
  /** What the places that come back with it had cost. */
  returnedMinor: number;
  createdAt: Date;
};

/** A ticket of a booking, as far as a refund looks at it. */
export type RefundableTicket = {
  ticketId: string;
  /** The refund that took it. */
  refundId: string | null;
  isAdmitted: boolean;
};

/** What the customer may do; organisers are not bound by it. */
export type OwnerRule = {
  /** The event's refunds have ended by the database's clock. */
  isTimeOver: boolean;
};

/** What becomes of a request. */
export type RefundPlan =
  | {
      kind: "begin";
      to: typeof Phase.refunding | typeof Phase.partRefunding;
      amountMinor: number;
      returnedMinor: number;
      /** Tickets that are revoked with it. */
      ticketIds: string[];
    }
  | { kind: "inProgress" }
  | { kind: "wrongState"; state: BookingState }
  | { kind: "notAllowed"; rule: "REFUND_TIME_OVER" | "TICKET_ADMITTED" }
  /** Of these tickets the booking has none. */
  | { kind: "noSuchTicket" }
  | { kind: "ticketRefunded"; ticketId: string }
  | { kind: "exceeds"; leftMinor: number }
  | { kind: "otherCurrency" };

type Subject = Pick<Booking, "phase" | "lapsed" | "unitPriceMinor" | "quantity" | "currency" | "refundedMinor">;

/** Returns what becomes of a new refund of a booking, which has these tickets. `owner` where its customer asks. */
export function planRefund(
  booking: Subject,
  tickets: readonly RefundableTicket[],
  { wish, owner }: { wish: RefundWish; owner: OwnerRule | undefined },
): RefundPlan {
  const state = stateOf(booking);
  if (state === "PAYING" || booking.phase === Phase.partRefunding) return { kind: "inProgress" };
  if (state !== "CONFIRMED") return { kind: "wrongState", state };
  const left = tickets.filter(({ refundId }) => refundId === null);
  if (owner?.isTimeOver) return { kind: "notAllowed", rule: "REFUND_TIME_OVER" };
  if (owner && left.some(({ isAdmitted }) => isAdmitted)) return { kind: "notAllowed", rule: "TICKET_ADMITTED" };
  switch (wish.kind) {
    case "whole":
      return planReturn(booking, { given: left, left });
    case "tickets":
      return planTickets(booking, tickets, { wish, left });
    case "amount":
      return planAmount(booking, wish);
  }
}

/**
 * True where `request` asks again for `refund`, whose amount is in the booking's currency. Who asks makes no difference:
 * organisers take over from one another.
 */
export function isRepeat(refund: Refund, request: RefundRequest, { currency }: Pick<Booking, "currency">): boolean {
  const { wish } = request;
  return (
    refund.reservationId === request.reservationId &&
    refund.reason === request.reason &&
    refund.keepBlocked === request.keepBlocked &&
    refund.kind === wish.kind &&
    (wish.kind !== "tickets" || refund.ticketIds.join() === namedTickets(wish).join()) &&
    (wish.kind !== "amount" || (refund.amountMinor === wish.amountMinor && wish.currency === currency))
  );
}

/** Returns the tickets that a wish names, each once, in order. */
export function namedTickets(wish: RefundWish): string[] {
  return wish.kind === "tickets" ? [...new Set(wish.ticketIds)].toSorted() : [];
}

type WishFor<Kind> = RefundWish & { kind: Kind };

function planTickets(
  booking: Subject,
  tickets: readonly RefundableTicket[],
  { wish, left }: { wish: WishFor<"tickets">; left: readonly RefundableTicket[] },
): RefundPlan {
  const given: RefundableTicket[] = [];
  for (const ticketId of namedTickets(wish)) {
    const ticket = tickets.find((each) => each.ticketId === ticketId);
    if (!ticket) return { kind: "noSuchTicket" };
    if (ticket.refundId !== null) return { kind: "ticketRefunded", ticketId };
    given.push(ticket);
  }
  return planReturn(booking, { given, left });
}

// Never more money than is left: what was paid back by amount before is made up for. With the last ticket goes the rest.
function planReturn(
  booking: Subject,
  { given, left }: { given: readonly RefundableTicket[]; left: readonly RefundableTicket[] },
): RefundPlan {
  const returnedMinor = booking.unitPriceMinor * given.length;
  return {
    kind: "begin",
    to: given.length === left.length ? Phase.refunding : Phase.partRefunding,
    amountMinor: Math.min(returnedMinor, leftMinorOf(booking)),
    returnedMinor,
    ticketIds: given.map(({ ticketId }) => ticketId),
  };
}

function planAmount(booking: Subject, { amountMinor, currency }: WishFor<"amount">): RefundPlan {
  const leftMinor = leftMinorOf(booking);
  if (currency !== booking.currency) return { kind: "otherCurrency" };
  if (amountMinor > leftMinor) return { kind: "exceeds", leftMinor };
  return { kind: "begin", to: Phase.partRefunding, amountMinor, returnedMinor: 0, ticketIds: [] };
}

function leftMinorOf(booking: Subject): number {
  return totalMinor(booking) - booking.refundedMinor;
}
