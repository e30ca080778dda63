import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { assertNever } from "#shared/assert-never";
import type { Handler } from "#shared/grpc-server";
import { invalidArgument } from "#shared/validate";
import {
  OfflineScanSchema,
  ScanVerdict,
  type OfflineScan as OfflineScanMessage,
  type ScanResultSchema,
  type TicketService,
} from "#gen/boxoffice/reservation/v1/ticket";
import type { ScanResult } from "../domain/scan-result.ts";
import type { Door, OfflineScan, ScanOutcome } from "../door.ts";
import { admissionMessage, rejectionMessage } from "./ticket-message.ts";

/** Returns the handler of SubmitScans. */
export function submitScans({ door }: { door: Door }): Handler<(typeof TicketService)["method"]["submitScans"]> {
  return async ({ eventId, deviceId, scans }) => {
    const parsed = scans.map(parseScan);
    const wellFormed = parsed.filter((scan) => scan !== undefined);
    const { results, doubles } = await door.submit({ eventId: eventId.toLowerCase(), deviceId }, wellFormed);
    const inOrder = results.values();
    return {
      results: parsed.map((scan, index) =>
        scan ? resultMessage(inOrder.next().value!) : { nonce: scans[index]!.nonce, verdict: ScanVerdict.MALFORMED },
      ),
      doubles: doubles.map(({ first, others, ...rest }) => ({
        ...rest,
        first: admissionMessage(first),
        others: others.map(admissionMessage),
      })),
    };
  };
}

// The contract's rules for a scan are checked here, not before the handler: one that breaks them must not fail the others.
function parseScan(message: OfflineScanMessage): OfflineScan | undefined {
  const { code, nonce, gate, scanTime } = message;
  if (invalidArgument(OfflineScanSchema, message) || !scanTime) return undefined;
  return { code, nonce, gate, scannedAt: timestampDate(scanTime) };
}

function resultMessage({ nonce, ticketId = "", result, clockWrong }: ScanOutcome) {
  return { nonce, ticketId, clockWrong, ...verdictOf(result) } satisfies MessageInitShape<typeof ScanResultSchema>;
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
