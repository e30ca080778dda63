// Takes up bookings that nobody has worked on in time, whatever became of whoever did, and runs the same saga from the
// phase that was written last. No transaction is open while it calls others: a claim is a lease.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import type { Sql } from "#shared/sql";
import { phaseNames } from "./domain/booking.ts";
import type { SagaRunner } from "./saga-runner.ts";
import { claimUnfinished } from "./store/apply-moves.ts";

/** Starts the reconciler. It works on up to `sagasMax` bookings at once and never waits for one before it takes others. */
export function startReconciler(options: {
  sql: Sql;
  runner: SagaRunner;
  intervalMs: number;
  leaseMs: number;
  sagasMax: number;
  log: Logger;
}): Poller {
  const { sql, runner, intervalMs, leaseMs, sagasMax, log } = options;
  let busy = 0;
  return startPoller({
    name: "reconciler",
    intervalMs,
    log,
    async round() {
      const limit = sagasMax - busy;
      if (limit === 0) return false;
      const bookings = await claimUnfinished(sql, { limit, leaseMs });
      for (const booking of bookings) {
        const { eventId, reservationId, phase, attempts, nextActionUrl } = booking;
        // One that waits for its customer was abandoned by nobody.
        const level = nextActionUrl === null ? "info" : "debug";
        log[level]({ event: "reconciler.resumed", eventId, reservationId, phase: phaseNames[phase], attempts });
        busy += 1;
        // One try a phase: what stays unknown comes back after its backoff.
        void runner.run(booking, { untilMs: 0 }).finally(() => (busy -= 1));
      }
      return bookings.length === limit;
    },
  });
}
