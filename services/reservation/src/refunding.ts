// Refunding at the organiser's word. As with a cancellation the step is written before payment or inventory hear of it; the
// refund's id and its reason are written with it, so that a repeat finds what became of the first.

import { violatedConstraint, type Sql } from "#shared/sql";
import type { Booking, BookingKey, BookingState } from "./domain/booking.ts";
import { isRepeat, type Refund, type RefundRequest } from "./domain/refund.ts";
import { decide } from "./domain/transition.ts";
import type { SagaRunner } from "./saga-runner.ts";
import { readBookings } from "./store/read-bookings.ts";
import { beginRefund, readRefund } from "./store/refunds.ts";
import { waitUntil } from "./wait.ts";

/** What became of a request to refund. */
export type RefundResult =
  | { kind: "refund"; booking: Booking; refund: Refund }
  | { kind: "notFound" | "inProgress" | "keyReused" }
  | { kind: "wrongState"; state: BookingState };

type Deps = { sql: Sql; runner: SagaRunner; leaseMs: number };

/** Lost races after which the caller is asked to come back. */
const triesMax = 5;
/** The answer leaves this long before the caller's deadline, so that it arrives in time. */
const answerMarginMs = 200;

/**
 * Begins the refund of a confirmed booking. Returns it as it stands once the refund was tried, or the deadline nears; a
 * repeat returns it as it stands. Throws on failed I/O; then the outcome is unknown.
 */
export async function refundBooking(
  request: RefundRequest,
  { deadlineAtMs }: { deadlineAtMs: number },
  { sql, runner, leaseMs }: Deps,
): Promise<RefundResult> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const known = await readRefund(sql, request);
    if (known && !isRepeat(known, request)) return { kind: "keyReused" };
    const booking = await readAny(sql, request);
    if (!booking) return { kind: "notFound" };
    if (known) return { kind: "refund", booking, refund: known };
    const decision = decide(booking, { kind: "refund", refundId: request.refundId });
    switch (decision.kind) {
      case "inProgress":
      case "wrongState":
        // A twin of this request may have begun between the two readings; then its refund is there by now.
        if (await readRefund(sql, request)) continue;
        return decision;
      case "move": {
        const begun = await begin(sql, request, leaseMs);
        // One try each: what stays unknown is the reconciler's.
        if (begun && runner.free > 0) await waitUntil(runner.run(begun, { untilMs: 0 }), deadlineAtMs - answerMarginMs);
        // Begun or overtaken: the next reading tells what became of it.
        continue;
      }
      default:
        throw new Error(`a refund never ends as ${decision.kind}`);
    }
  }
  return { kind: "inProgress" };
}

async function begin(sql: Sql, request: RefundRequest, leaseMs: number): Promise<Booking | undefined> {
  try {
    return await beginRefund(sql, request, { leaseMs });
  } catch (error) {
    // Another reservation took this id at the same moment.
    if (violatedConstraint(error) === "refund_pkey") return undefined;
    throw error;
  }
}

async function readAny(sql: Sql, { eventId, reservationId }: BookingKey): Promise<Booking | undefined> {
  const [booking] = await readBookings(sql, [{ eventId, reservationId }]);
  return booking;
}
