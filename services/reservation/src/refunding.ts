// Giving a paid booking back, or a part of it. As with a cancellation the step is written before payment or inventory hear of
// it; the refund's id and its reason are written with it, so that a repeat finds what became of the first.

import type { Sql } from "#shared/sql";
import { Phase, type Booking, type BookingKey } from "./domain/booking.ts";
import type { Refund, RefundRequest } from "./domain/refund.ts";
import type { SagaRunner } from "./saga-runner.ts";
import { readBookings } from "./store/read-bookings.ts";
import { beginRefund, readRefund, type Asker, type BeginOutcome } from "./store/refunds.ts";
import { waitUntil } from "./wait.ts";

/** What became of a request to refund. */
export type RefundResult =
  | { kind: "refund"; booking: Booking; refund: Refund; isDone: boolean }
  | Exclude<BeginOutcome, { kind: "begun" } | { kind: "known" }>;

type Deps = { sql: Sql; runner: SagaRunner; leaseMs: number };

/** The answer leaves this long before the caller's deadline, so that it arrives in time. */
const answerMarginMs = 200;

/**
 * Begins a refund. Returns the booking as it stands once the refund was tried, or the deadline nears; a repeat returns it as
 * it stands. Throws on failed I/O; then the outcome is unknown.
 */
export async function refundBooking(
  request: RefundRequest,
  asker: Asker,
  { deadlineAtMs, sql, runner, leaseMs }: Deps & { deadlineAtMs: number },
): Promise<RefundResult> {
  const outcome = await beginRefund(sql, request, { asker, leaseMs });
  if (outcome.kind !== "begun" && outcome.kind !== "known") return outcome;
  // One try each: what stays unknown is the reconciler's.
  if (outcome.kind === "begun" && runner.free > 0) {
    await waitUntil(runner.run(outcome.booking, { untilMs: 0 }), deadlineAtMs - answerMarginMs);
  }
  const [booking, refund] = await Promise.all([readAny(sql, request), readRefund(sql, request)]);
  if (!booking || !refund) throw new Error("a refund that was written is gone");
  return { kind: "refund", booking, refund, isDone: !isRunning(booking, refund) };
}

// A booking has one running refund at a time.
function isRunning({ phase, refundId }: Booking, refund: Refund): boolean {
  return (phase === Phase.refunding || phase === Phase.partRefunding) && refundId === refund.refundId;
}

async function readAny(sql: Sql, { eventId, reservationId }: BookingKey): Promise<Booking | undefined> {
  const [booking] = await readBookings(sql, [{ eventId, reservationId }]);
  return booking;
}
