import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { InvariantReport } from "#stubs";
import type { InvariantReportSchema, OperationsService } from "#gen/boxoffice/edge/v1/operations";
import type { Backends } from "../backends.ts";
import { isUnreachable } from "./errors.ts";
import { explainHolders, explainReservation } from "./explain.ts";
import { boundsOf } from "./handler-call.ts";
import type { EdgeHandlers } from "./pipeline.ts";
import { createRefundReservation } from "./refund-reservation.ts";
import { createSaleReport } from "./sale-report.ts";
import { createVerifyLedger } from "./verify-ledger.ts";

const checkedServices = ["inventory", "reservation", "payment"] as const;

/** Returns the handlers of OperationsService. */
export function createOperationsHandlers(
  backends: Pick<Backends, (typeof checkedServices)[number]>,
): EdgeHandlers<typeof OperationsService> {
  return {
    checkInvariants: async ({ eventId }, call) => {
      const bounds = boundsOf(call);
      const checks = await Promise.allSettled(
        checkedServices.map((name) => backends[name].checkInvariants({ scope: { eventId } }, bounds)),
      );
      refuseUnreachable(checks);
      const reports = checks.flatMap((check) => (check.status === "fulfilled" ? check.value.reports : []));
      return { clean: reports.every(({ violations }) => violations === 0n), reports: reports.map(edgeReport) };
    },
    verifyLedger: createVerifyLedger(backends),
    saleReport: createSaleReport(backends),
    refundReservation: createRefundReservation(backends),
    explainReservation: async ({ eventId, reservationId }, call) => ({
      story: await explainReservation(backends, { eventId, reservationId }, call),
    }),
    explainSeat: async ({ eventId, areaId, seat }, call) => {
      const {
        $typeName: _,
        $unknown: __,
        stories,
        ownerHoldId,
        ...standing
      } = await backends.inventory.explainSeat({ eventId, areaId, seat }, boundsOf(call));
      return {
        ...standing,
        ...(await explainHolders(backends, { eventId, holds: stories, ownerHoldId }, call)),
      };
    },
  };
}

// A report that lacks a service would look clean: either all have answered, or the call fails.
function refuseUnreachable(checks: PromiseSettledResult<unknown>[]): void {
  const failed = checks.flatMap((check, index) =>
    check.status === "rejected" ? [{ index, reason: check.reason }] : [],
  );
  const refused = failed.find(({ reason }) => !isUnreachable(reason));
  if (refused) throw refused.reason;
  if (failed.length === 0) return;
  const names = failed.map(({ index }) => checkedServices[index]).join(", ");
  throw new ConnectError(
    `no answer from ${names}: try again`,
    Code.Unavailable,
    undefined,
    undefined,
    failed[0]!.reason,
  );
}

function edgeReport({
  $typeName: _,
  $unknown: __,
  ...report
}: InvariantReport): MessageInitShape<typeof InvariantReportSchema> {
  return report;
}
