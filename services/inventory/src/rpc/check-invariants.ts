// CheckInvariants.

import { createBatcher } from "#shared/batcher";
import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import { checkInvariants, type InvariantReport } from "../store/invariants.ts";

// One at a time: a check reads whole tables for as long as it takes.
const bounds = { itemsMax: 1, inFlightMax: 1, queueMax: 10 };

/** Returns the handler. */
export function checkInvariantsHandler(sql: Sql): Handler<typeof InventoryService.method.checkInvariants> {
  const checks = createBatcher<string | undefined, InvariantReport[]>({
    ...bounds,
    run: async ([eventId]) => [await checkInvariants(sql, eventId)],
  });
  return async ({ scope }, call) => {
    const reports = await checks.submit(scope?.eventId.toLowerCase() || undefined, call);
    return {
      reports: reports.map((report) => ({
        ...report,
        violations: BigInt(report.violations),
        examined: BigInt(report.examined),
      })),
    };
  };
}
