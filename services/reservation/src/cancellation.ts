// Giving back. The step is written before inventory or payment hear of it, so that of a cancel and a checkout that race
// exactly one wins, and a crash in between leaves work that the reconciler sees. Seats of a hold whose release got lost
// come back by the hold's own end.

import type { Batcher } from "#shared/batcher";
import type { Sql } from "#shared/sql";
import { Phase, type Booking, type BookingKey, type BookingState } from "./domain/booking.ts";
import { decide } from "./domain/transition.ts";
import type { SagaRunner } from "./saga-runner.ts";
import type { Move } from "./store/apply-moves.ts";
import { readBooking } from "./store/read-bookings.ts";
import { waitUntil } from "./wait.ts";

/** What became of a cancellation. */
export type CancelResult =
  | { kind: "booking"; booking: Booking }
  | { kind: "notFound" | "inProgress" }
  | { kind: "wrongState"; state: BookingState };

type Deps = {
  sql: Sql;
  runner: SagaRunner;
  moves: Pick<Batcher<Move, Booking | undefined>, "submit">;
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
  { sql, runner, moves, newId, leaseMs }: Deps,
): Promise<CancelResult> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const booking = await readBooking(sql, key);
    if (!booking) return { kind: "notFound" };
    const decision = decide(booking, { kind: "cancel", refundId: newId() });
    switch (decision.kind) {
      case "stay":
        return { kind: "booking", booking };
      case "inProgress":
      case "wrongState":
        return decision;
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
