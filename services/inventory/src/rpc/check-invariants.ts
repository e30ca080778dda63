// CheckInvariants.

import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import { checkInvariants } from "../store/invariants.ts";

/** Returns the handler. */
export function checkInvariantsHandler(sql: Sql): Handler<typeof InventoryService.method.checkInvariants> {
  return async ({ scope }) => {
    const reports = await checkInvariants(sql, scope?.eventId.toLowerCase() || undefined);
    return {
      reports: reports.map((report) => ({
        ...report,
        violations: BigInt(report.violations),
        examined: BigInt(report.examined),
      })),
    };
  };
}
