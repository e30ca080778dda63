import type { TicketService } from "#gen/boxoffice/edge/v1/ticket";
import type { Backends } from "../backends.ts";
import { edgeErrorFromRefusal } from "./errors.ts";
import { boundsOf, customerOf } from "./handler-call.ts";
import type { EdgeHandlers, HandlerCall } from "./pipeline.ts";
import {
  edgeAdmission,
  edgeDouble,
  edgeRejection,
  edgeScanResult,
  edgeTicket,
  edgeTicketOf,
} from "./ticket-message.ts";

/** Returns the handlers of TicketService. */
export function createTicketHandlers({ tickets }: Pick<Backends, "tickets">): EdgeHandlers<typeof TicketService> {
  return {
    listTickets: async ({ eventId, reservationId, pageSize, pageToken }, call) => {
      const page = await tickets.listTickets(
        { customerId: customerOf(call), eventId, reservationId, pageSize, pageToken },
        boundsOf(call),
      );
      return { tickets: page.tickets.map(edgeTicket), nextPageToken: page.nextPageToken };
    },
    getTicketQr: async (request, call) => {
      // The enums have the same numbers; a test holds them together.
      const format = request.format as number;
      const { outcome } = await tickets.getTicketQr({ key: keyOf(request, call), format }, boundsOf(call));
      if (outcome.case === "refusal") throw edgeErrorFromRefusal(outcome.value);
      const { ticket, code, image } = outcome.value!;
      return { ticket: edgeTicket(ticket!), code, image };
    },
    transferTicket: async (request, call) => {
      const { epoch, receiverId } = request;
      const { outcome } = await tickets.transferTicket(
        { key: keyOf(request, call), epoch, receiverId },
        boundsOf(call),
      );
      return { ticket: edgeTicketOf(outcome) };
    },
    verifyTicket: async ({ eventId, code }, call) => {
      const { outcome } = await tickets.verifyTicket({ eventId, code }, boundsOf(call));
      return outcome.case === "rejection"
        ? { outcome: { case: "rejection", value: edgeRejection(outcome.value) } }
        : { outcome: { case: "ticket", value: edgeTicket(outcome.value!) } };
    },
    admitTicket: async ({ eventId, code, deviceId, nonce, gate }, call) => {
      const { outcome } = await tickets.admitTicket({ eventId, code, deviceId, nonce, gate }, boundsOf(call));
      if (outcome.case === "rejection") {
        return { outcome: { case: "rejection", value: edgeRejection(outcome.value) } };
      }
      const { ticket, admission } = outcome.value!;
      return {
        outcome: { case: "admitted", value: { ticket: edgeTicket(ticket!), admission: edgeAdmission(admission!) } },
      };
    },
    submitScans: async ({ eventId, deviceId, scans }, call) => {
      const answer = await tickets.submitScans(
        {
          eventId,
          deviceId,
          scans: scans.map(({ code, nonce, gate, scanTime }) => ({ code, nonce, gate, scanTime })),
        },
        boundsOf(call),
      );
      return { results: answer.results.map(edgeScanResult), doubles: answer.doubles.map(edgeDouble) };
    },
    listReservationTickets: async ({ eventId, reservationId, pageSize, pageToken }, call) => {
      const page = await tickets.listReservationTickets(
        { eventId, reservationId, pageSize, pageToken },
        boundsOf(call),
      );
      return { tickets: page.tickets.map(edgeTicket), nextPageToken: page.nextPageToken };
    },
    revokeTicket: async ({ eventId, ticketId, reason }, call) => {
      const { outcome } = await tickets.revokeTicket({ eventId, ticketId, reason }, boundsOf(call));
      return { ticket: edgeTicketOf(outcome) };
    },
    getVerificationKeys: async (_, call) => {
      const { keys } = await tickets.getVerificationKeys({}, boundsOf(call));
      return {
        keys: keys.map(({ keyId, publicKey, createTime, retireTime }) => ({
          keyId,
          publicKey,
          createTime,
          retireTime,
        })),
      };
    },
    getRevocations: async ({ eventId, pageSize, pageToken }, call) => {
      const { entries, nextPageToken } = await tickets.getRevocations({ eventId, pageSize, pageToken }, boundsOf(call));
      return { entries, nextPageToken };
    },
  };
}

function keyOf({ eventId, ticketId }: { eventId: string; ticketId: string }, call: HandlerCall) {
  return { eventId, ticketId, customerId: customerOf(call) };
}
