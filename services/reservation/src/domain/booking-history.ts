// Everything that is kept of a booking, for whoever asks how it came to stand as it does.

import type { Booking, BookingKey } from "./booking.ts";
import type { Refund } from "./refund.ts";
import type { CheckoutOutcome, EventType } from "./transition.ts";

/** The booking's row, without the payment method. */
export type BookingRecord = Omit<Booking, "paymentMethodToken"> & {
  /** When somebody has to carry on, unless whoever works on it moves this further; null when nothing is left to do. */
  nextAttemptAt: Date | null;
};

/** An attempt to pay. */
export type AttemptRecord = BookingKey & {
  paymentId: string;
  /** Null while it runs. */
  outcome: CheckoutOutcome | null;
  declineReason: string | null;
  startedAt: Date;
  /** Null while it runs, or before this was kept. */
  endedAt: Date | null;
};

/** A ticket. */
export type TicketRecord = BookingKey & {
  ticketId: string;
  place: number;
  /** Both null for general admission. */
  seatRow: string | null;
  seatNumber: number | null;
  customerId: string;
  epoch: number;
  epochAt: Date;
  issuedAt: Date;
  revokedAt: Date | null;
  revokeReason: string | null;
  /** The refund that took it. */
  refundId: string | null;
};

/** A ticket that was given to somebody else. */
export type TransferRecord = BookingKey & {
  ticketId: string;
  /** The epoch that it ended, which counts the ticket's transfers from 1. */
  epoch: number;
  customerId: string;
  receiverId: string;
  /** Null where its time was not kept. */
  transferredAt: Date | null;
};

/** A refund. */
export type RefundRecord = Refund & {
  /** Null while it runs, or before this was kept. */
  endedAt: Date | null;
};

/** Somebody who was let in. */
export type AdmissionRecord = BookingKey & {
  ticketId: string;
  deviceId: string;
  gate: string;
  admittedAt: Date;
  offline: boolean;
  /** It is the ticket's first by time, then by scanner, then by nonce: any other is a double admission. */
  isFirst: boolean;
};

/** A message that waits to be published. */
export type WaitingEvent = BookingKey & { type: EventType };

/** A booking and all that belongs to it, each part oldest first. */
export type BookingHistory = {
  booking: BookingRecord;
  attempts: AttemptRecord[];
  tickets: TicketRecord[];
  /** Up to `transfersMax`, each ticket's oldest first. */
  transfers: TransferRecord[];
  /** Up to `admissionsMax`, the oldest. */
  admissions: AdmissionRecord[];
  refunds: RefundRecord[];
  /** Undefined where too many rows wait to be looked through. */
  waiting: EventType[] | undefined;
  /** The database's clock. */
  now: Date;
};

/** Most transfers that are told of one booking. */
export const transfersMax = 200;

/** Most admissions that are told of one booking. */
export const admissionsMax = 200;
