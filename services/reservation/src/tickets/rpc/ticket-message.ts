import type { MessageInitShape } from "@bufbuild/protobuf";
import { RefusalReason, type Refusal } from "#stubs";
import { createRefusal } from "#shared/refusal";
import { timestampInit } from "#shared/timestamps";
import {
  AdmissionRefusal,
  TicketState,
  type AdmissionSchema,
  type RejectionSchema,
  type TicketKey as TicketKeyMessage,
  type TicketSchema,
} from "#gen/boxoffice/reservation/v1/ticket";
import type { Rejection } from "../domain/admission.ts";
import type { Admission } from "../domain/merge-scans.ts";
import { ticketStateOf, type Ticket } from "../domain/ticket.ts";

/** Returns the message for a ticket as it stands. */
export function ticketMessage(ticket: Ticket): MessageInitShape<typeof TicketSchema> {
  const { seatRow, seatNumber, admittedAt } = ticket;
  return {
    eventId: ticket.eventId,
    ticketId: ticket.ticketId,
    reservationId: ticket.reservationId,
    place: ticket.place,
    areaId: ticket.areaId,
    ...(seatRow !== null && seatNumber !== null ? { seat: { row: seatRow, number: seatNumber } } : {}),
    customerId: ticket.customerId,
    epoch: ticket.epoch,
    state: TicketState[ticketStateOf(ticket)],
    issueTime: timestampInit(ticket.issuedAt),
    ...(admittedAt ? { admitTime: timestampInit(admittedAt) } : {}),
  };
}

/** Returns the message for an admission. */
export function admissionMessage({
  admittedAt,
  gate,
  deviceId,
  nonce,
}: Admission): MessageInitShape<typeof AdmissionSchema> {
  return { admitTime: timestampInit(admittedAt), gate, deviceId, nonce };
}

const refusals: Record<Rejection["reason"], AdmissionRefusal> = {
  unknownKey: AdmissionRefusal.UNKNOWN_KEY,
  badSignature: AdmissionRefusal.BAD_SIGNATURE,
  wrongEvent: AdmissionRefusal.WRONG_EVENT,
  revoked: AdmissionRefusal.REVOKED,
  alreadyAdmitted: AdmissionRefusal.ALREADY_ADMITTED,
};

/** Returns the message for a code that is not let in. */
export function rejectionMessage(rejection: Rejection) {
  return {
    reason: refusals[rejection.reason],
    ...(rejection.reason === "alreadyAdmitted" ? { first: admissionMessage(rejection.first) } : {}),
  } satisfies MessageInitShape<typeof RejectionSchema>;
}

/** Returns the key of a request, its ids in the lower case in which the database gives them back. */
export function ticketKeyFrom(key: TicketKeyMessage | undefined) {
  const { eventId = "", ticketId = "", customerId = "" } = key ?? {};
  return { eventId: eventId.toLowerCase(), ticketId: ticketId.toLowerCase(), customerId };
}

/** Returns the refusal for a ticket that is not there, or not the caller's. */
export function noSuchTicket(): Refusal {
  return createRefusal(RefusalReason.NOT_FOUND, "there is no such ticket");
}

/** Returns the refusal for what the ticket's state does not allow. */
export function wrongTicketState(state: string): Refusal {
  return createRefusal(RefusalReason.WRONG_STATE, `the ticket is ${state.toLowerCase()}`, { metadata: { state } });
}
