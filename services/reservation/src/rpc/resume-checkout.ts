import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import type { SagaRunner } from "../saga-runner.ts";
import { claimWaiting } from "../store/apply-moves.ts";

/** Returns the handler of ResumeCheckout. It answers when the work has begun; what comes of it is in the booking. */
export function resumeCheckout(deps: {
  sql: Sql;
  runner: Pick<SagaRunner, "run" | "free">;
  leaseMs: number;
  actionPollMs: number;
}): Handler<(typeof ReservationService)["method"]["resumeCheckout"]> {
  const { sql, runner, leaseMs, actionPollMs } = deps;
  return async ({ eventId, reservationId }) => {
    const key = { eventId: eventId.toLowerCase(), reservationId: reservationId.toLowerCase() };
    // With no room here, or none any more, the reconciler comes to it.
    const booking = runner.free > 0 ? await claimWaiting(sql, key, { leaseMs, dueWithinMs: actionPollMs }) : undefined;
    if (booking && runner.free > 0) void runner.run(booking, { untilMs: 0, isHint: true });
    return {};
  };
}
