import type { Call, Handler } from "#shared/grpc-server";
import type { ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import type { Report } from "../invariants.ts";

/** Returns the handler of CheckInvariants. */
export function checkInvariants(deps: {
  check: (eventId: string | undefined, call: Call) => Promise<Report[]>;
}): Handler<(typeof ReservationService)["method"]["checkInvariants"]> {
  return async ({ scope }, call) => ({ reports: await deps.check(scope?.eventId || undefined, call) });
}
