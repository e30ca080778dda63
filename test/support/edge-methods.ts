// Every method of the public API, from its descriptors, so that a test of "every method" can't forget one: a new method
// fails the tests that keep a case for each until it has its own.

import assert from "node:assert/strict";
import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { edgeServices } from "../../gateway/src/policy.ts";

export const eventId = "01890a5d-ac96-774b-bcce-b302099a8057";
export const reservationId = "01890a5d-ac96-774b-bcce-b302099a8058";

/** The public methods. */
export const edgeMethods: DescMethod[] = edgeServices.flatMap((service): DescMethod[] => service.methods);

/** Returns a method's name as the tables of tests have it: `EventService.GetEvent`. */
export function nameOf(method: DescMethod): string {
  return `${method.parent.name}.${method.name}`;
}

/** Fails where a public method has no case in a table, or a case no method. */
export function assertCoversEveryMethod(cases: Record<string, unknown>): void {
  assert.deepEqual(Object.keys(cases).sort(), edgeMethods.map(nameOf).sort(), "one case for each public method");
}

/** Returns the fields of a message and of all that is in it, each once. */
export function fieldsOf(message: DescMessage, seen = new Set<DescMessage>()): DescField[] {
  if (seen.has(message)) return [];
  seen.add(message);
  return message.fields.flatMap((field) => [field, ...(field.message ? fieldsOf(field.message, seen) : [])]);
}

const reservation = { eventId, reservationId };
const ticket = { eventId, ticketId: "01890a5d-ac96-774b-bcce-b302099a8059" };
const scan = { code: "AQID", nonce: "1", gate: "north" };

/** A well-formed request of every public method, as JSON. */
export const wellFormed: Record<string, Record<string, unknown>> = {
  "SessionService.CreateGuestSession": {},
  "SessionService.ExchangeIdToken": { idToken: "x.y.z" },
  "EventService.CreateEvent": {
    eventId,
    name: "Test Night",
    startTime: "2036-05-01T19:30:00Z",
    areas: [
      {
        areaId: "stalls",
        price: { currencyCode: "EUR", amountMinor: "2500" },
        seated: { rows: [{ label: "A", seatCount: 10 }] },
      },
    ],
  },
  "EventService.PublishEvent": { eventId },
  "EventService.GetEvent": { eventId },
  "EventService.ListEvents": { filter: "Night" },
  "EventService.GetAvailability": { eventId, areaIds: ["stalls"] },
  "ReservationService.CreateReservation": { ...reservation, areaId: "stalls", bestAvailable: { quantity: 2 } },
  "ReservationService.GetReservation": reservation,
  "ReservationService.ListReservations": { eventId },
  "ReservationService.CancelReservation": reservation,
  "ReservationService.Checkout": { ...reservation, paymentMethodToken: "tok_approve", idempotencyKey: "first" },
  "TicketService.ListTickets": { eventId },
  "TicketService.GetTicketQr": { ...ticket, format: "QR_FORMAT_PNG" },
  "TicketService.TransferTicket": { ...ticket, epoch: 1, receiverId: "guest:0d6e8b6e-5d0b-4f1c-9a53-0b1f3f5f7a11" },
  "TicketService.VerifyTicket": { eventId, code: scan.code },
  "TicketService.AdmitTicket": { eventId, deviceId: "scanner-1", ...scan },
  "TicketService.SubmitScans": {
    eventId,
    deviceId: "scanner-1",
    scans: [{ ...scan, scanTime: "2026-05-01T19:30:00Z" }],
  },
  "TicketService.ListReservationTickets": { ...reservation, pageSize: 10 },
  "TicketService.RevokeTicket": { ...ticket, reason: "lost" },
  "TicketService.GetVerificationKeys": {},
  "TicketService.GetRevocations": { eventId, pageSize: 10 },
  "OperationsService.CheckInvariants": { eventId },
  "OperationsService.VerifyLedger": { linksMax: 10 },
  "OperationsService.SaleReport": { eventId },
  "OperationsService.RefundReservation": {
    ...{ ...reservation, refundId: "01890a5d-ac96-774b-bcce-b302099a805a", reason: "ill" },
    ...{ seats: "REFUNDED_SEATS_BACK_ON_SALE", tickets: { ticketIds: [ticket.ticketId] } },
  },
  "OperationsService.ExplainReservation": reservation,
  "OperationsService.ExplainSeat": { eventId, areaId: "stalls", seat: { row: "A", number: 1 } },
};

/** Returns a well-formed request of a method; throws where the table above lacks one. */
export function wellFormedRequest(method: DescMethod): Record<string, unknown> {
  const request = wellFormed[nameOf(method)];
  if (!request) throw new Error(`there is no well-formed request of ${nameOf(method)} in test/support/edge-methods.ts`);
  return request;
}
