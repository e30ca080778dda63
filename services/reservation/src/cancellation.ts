// Giving back. The step is written before inventory or payment hear of it, so that of a cancel and a checkout that race
// exactly one wins, and a crash in between leaves work that the reconciler sees. Seats of a hold whose release got lost
// come back by the hold's own end. What was paid is given back as a refund, within the event's rules.

import type { Batcher } from "#shared/batcher";
import type { Sql } from "#shared/sql";
import { Phase, type Booking, type BookingKey, type BookingState } from "./domain/booking.ts";
import type { RefundPlan } from "./domain/refund.ts";
import { decide } from "./domain/transition.ts";
import type { EventTerms } from "./event-terms.ts";
import { refundBooking } from "./refunding.ts";
import type { SagaRunner } from "./saga-runner.ts";
import type { Move } from "./store/apply-moves.ts";
import { readBooking } from "./store/read-bookings.ts";
import { waitUntil } from "./wait.ts";

/** What became of a cancellation. */
export type CancelResult =
  | { kind: "booking"; booking: Booking }
  | { kind: "notFound" }
  | { kind: "inProgress" }
  | { kind: "wrongState"; state: BookingState }
  | { kind: "notAllowed"; rule: (RefundPlan & { kind: "notAllowed" })["rule"]; refundUntil: Date };

type Deps = {
  sql: Sql;
  runner: SagaRunner;
  moves: Pick<Batcher<Move, Booking | undefined>, "submit">;
  terms: EventTerms;
  newId: () => string;
  leaseMs: number;
};

/** Lost races after which the caller is asked to come back. */
const triesMax = 5;

/**
 * Cancels a hold or begins the refund of a confirmed booking. Returns the booking as it stands once release or refund was
 * tried, or the deadline nears; a repeat returns it as it stands. Throws on failed I/O; then the outcome is unknown.
 */
export async function cancelBooking(
  key: BookingKey & { customerId: string },
  { deadlineAtMs }: { deadlineAtMs: number },
  deps: Deps,
): Promise<CancelResult> {
  const { sql, runner, moves, leaseMs } = deps;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const booking = await readBooking(sql, key);
    if (!booking) return { kind: "notFound" };
    const decision = decide(booking, { kind: "cancel" });
    switch (decision.kind) {
      case "stay":
        return { kind: "booking", booking };
      case "inProgress":
      case "wrongState":
        return decision;
      case "paid": {
        const result = await giveBack(key, deadlineAtMs, deps);
        if (!result) continue;
        return result;
      }
      case "move": {
        const { kind: _, ...move } = decision;
        const ifAlive = booking.phase === Phase.held;
        const moved = await moves.submit({ from: booking, ...move, ifAlive, leaseMs }, { deadlineAtMs });
        if (!moved) continue;
        // One try each: what stays unknown is the reconciler's, and the customer has the answer already.
        if (runner.free > 0) await waitUntil(runner.run(moved, { untilMs: 0 }), deadlineAtMs - 200);
        return { kind: "booking", booking: (await readBooking(sql, key)) ?? moved };
      }
      default:
        throw new Error(`a cancellation never ends as ${decision.kind}`);
    }
  }
  return { kind: "inProgress" };
}

/** Returns what the refund came to, or undefined where the booking has moved on since it was read. */
async function giveBack(
  key: BookingKey & { customerId: string },
  deadlineAtMs: number,
  { terms, newId, ...deps }: Deps,
): Promise<CancelResult | undefined> {
  const { customerId, ...bookingKey } = key;
  const refundUntil = await terms.refundUntil(key.eventId, { deadlineAtMs });
  const result = await refundBooking(
    {
      ...bookingKey,
      ...{ refundId: newId(), reason: "cancelled by the customer", requestedBy: customerId },
      ...{ keepBlocked: false, wish: { kind: "whole" } },
    },
    { kind: "owner", refundUntil },
    { deadlineAtMs, ...deps },
  );
  switch (result.kind) {
    case "refund":
      return { kind: "booking", booking: result.booking };
    case "notAllowed":
      return { ...result, refundUntil };
    case "inProgress":
      return { kind: "inProgress" };
    case "wrongState":
      return undefined;
    default:
      throw new Error(`a cancellation's refund never ends as ${result.kind}`);
  }
}
