// Tickets and admissions as the public sees them. The enums of the two contracts have the same numbers; a test holds them
// together.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AdmissionSchema,
  DoubleAdmissionSchema,
  RejectionSchema,
  ScanResultSchema,
  TicketSchema,
} from "#gen/boxoffice/edge/v1/ticket";
import type {
  Admission,
  DoubleAdmission,
  Rejection,
  ScanResult,
  Ticket,
  TicketOutcome,
} from "#gen/boxoffice/reservation/v1/ticket";
import { assertNever } from "#shared/assert-never";
import { edgeErrorFromRefusal } from "./errors.ts";

/** Returns the public ticket of an outcome; throws its refusal as a ConnectError. */
export function edgeTicketOf(outcome: TicketOutcome | undefined): MessageInitShape<typeof TicketSchema> {
  const decided = outcome?.outcome;
  switch (decided?.case) {
    case "ticket":
      return edgeTicket(decided.value);
    case "refusal":
      throw edgeErrorFromRefusal(decided.value);
    case undefined:
      throw new Error("an outcome is neither a ticket nor a refusal");
    default:
      return assertNever(decided);
  }
}

/** Returns the public form of a ticket: whose it is, is left out. */
export function edgeTicket(from: Ticket): MessageInitShape<typeof TicketSchema> {
  return {
    eventId: from.eventId,
    ticketId: from.ticketId,
    reservationId: from.reservationId,
    place: from.place,
    areaId: from.areaId,
    seat: from.seat,
    epoch: from.epoch,
    state: from.state as number,
    issueTime: from.issueTime,
    admitTime: from.admitTime,
  };
}

/** Returns the public form of an admission. */
export function edgeAdmission(from: Admission): MessageInitShape<typeof AdmissionSchema> {
  return { admitTime: from.admitTime, gate: from.gate, deviceId: from.deviceId, nonce: from.nonce };
}

/** Returns the public form of a rejection. */
export function edgeRejection(from: Rejection): MessageInitShape<typeof RejectionSchema> {
  return { reason: from.reason as number, first: from.first && edgeAdmission(from.first) };
}

/** Returns the public form of what became of a scan. */
export function edgeScanResult(from: ScanResult): MessageInitShape<typeof ScanResultSchema> {
  return {
    nonce: from.nonce,
    verdict: from.verdict as number,
    ticketId: from.ticketId,
    reason: from.reason as number,
    first: from.first && edgeAdmission(from.first),
    clockWrong: from.clockWrong,
  };
}

/** Returns the public form of a double admission. */
export function edgeDouble(from: DoubleAdmission): MessageInitShape<typeof DoubleAdmissionSchema> {
  return {
    ticketId: from.ticketId,
    first: from.first && edgeAdmission(from.first),
    others: from.others.map(edgeAdmission),
    othersLeftOut: from.othersLeftOut,
  };
}
