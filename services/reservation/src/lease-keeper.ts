// Keeps other replicas away from the bookings that this process works on. A lease can so be short, which is how soon
// somebody carries on after a crash, and calls may still take long. Correctness never needs it: two runs of one booking only
// cost calls.

import type { Logger } from "#shared/logger";
import { startPoller, type Poller } from "#shared/poller";
import type { Sql } from "#shared/sql";
import type { SagaRunner } from "./saga-runner.ts";
import { renewLeases } from "./store/apply-moves.ts";

/** Starts the keeper: bookings whose present step has used up a third of its lease get a new one. */
export function startLeaseKeeper(options: {
  sql: Sql;
  runner: Pick<SagaRunner, "lasting">;
  leaseMs: number;
  log: Logger;
}): Poller {
  const { sql, runner, leaseMs, log } = options;
  const intervalMs = leaseMs / 3;
  return startPoller({
    name: "lease_keeper",
    intervalMs,
    log,
    async round() {
      const bookings = runner.lasting(Date.now() - intervalMs);
      if (bookings.length > 0) await renewLeases(sql, bookings, { leaseMs });
      return false;
    },
  });
}
