import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { assertNever } from "#shared/assert-never";
import type { Handler } from "#shared/grpc-server";
import { ScanVerdict, type ScanResultSchema, type TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import type { ScanResult } from "../domain/scan-result.ts";
import type { Door } from "../door.ts";
import { admissionMessage, rejectionMessage } from "./ticket-message.ts";

/** Returns the handler of SubmitScans. */
export function submitScans({ door }: { door: Door }): Handler<(typeof TicketService)["method"]["submitScans"]> {
  return async ({ eventId, deviceId, scans }) => {
    const { results, doubles } = await door.submit(
      { eventId: eventId.toLowerCase(), deviceId },
      scans.map(({ code, nonce, gate, scanTime }) => ({ code, nonce, gate, scannedAt: timestampDate(scanTime!) })),
    );
    return {
      results: results.map(({ nonce, ticketId = "", result }) => ({ nonce, ticketId, ...verdictOf(result) })),
      doubles: doubles.map(({ ticketId, first, others }) => ({
        ticketId,
        first: admissionMessage(first),
        others: others.map(admissionMessage),
      })),
    };
  };
}

function verdictOf(result: ScanResult): MessageInitShape<typeof ScanResultSchema> {
  switch (result.kind) {
    case "first":
      return { verdict: ScanVerdict.FIRST };
    case "double":
      return { verdict: ScanVerdict.DOUBLE, first: admissionMessage(result.first) };
    case "rejected":
      return { verdict: ScanVerdict.REJECTED, ...rejectionMessage(result.rejection) };
    case "nonceReused":
      return { verdict: ScanVerdict.NONCE_REUSED };
    default:
      return assertNever(result);
  }
}
