// Who may call what, and how each method is bounded: the one table that the pipeline, the HTTP handler and the README follow.

import type { DescMethod } from "@bufbuild/protobuf";
import { EventService } from "#gen/boxoffice/edge/v1/event";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import { SessionService } from "#gen/boxoffice/edge/v1/session";
import { TicketService } from "#gen/boxoffice/edge/v1/ticket";
import type { LimitName } from "./limits/limits.ts";

/** The public services. */
export const edgeServices = [
  SessionService,
  EventService,
  ReservationService,
  TicketService,
  OperationsService,
] as const;

/** Who may call: everybody, whoever has a session, organisers, or gate staff. */
export type Access = "public" | "session" | "organiser" | "gate";

/** Order of mercy under load: who pays is served longest, who browses is refused first. */
export const priorities = ["paying", "cancelling", "reserving", "browsing"] as const;
export type Priority = (typeof priorities)[number];

/**
 * The queue that a call waits in: `reservations` before the batches of CreateReservation, `reads` before what answers browsers.
 * A call of another method waits in none that the gateway could judge.
 */
export type QueueName = "reservations" | "reads";

/** How one method is guarded. */
export type MethodPolicy = {
  access: Access;
  /** Limits beyond `address`, which every call is counted in. */
  limits: readonly LimitName[];
  priority: Priority;
  queue?: QueueName;
  /** Milliseconds for a caller who sets no deadline. */
  timeoutDefaultMs: number;
  /** Largest request body, in bytes. */
  bodyBytesMax: number;
  /** `Cache-Control` of an answer to a GET without credentials; answers that may not be kept have none. */
  cacheControl?: string;
};

const common = { timeoutDefaultMs: 10_000, bodyBytesMax: 64 * 1024 } as const;
const browse = { ...common, access: "public", limits: ["session"], priority: "browsing", queue: "reads" } as const;
const cacheable = { ...browse, cacheControl: "public, max-age=1" } as const;
const mine = { ...common, access: "session", limits: ["session"] } as const;
const organise = { ...common, access: "organiser", limits: ["session"], priority: "reserving" } as const;
// They look at much at once.
const inspect = { ...organise, limits: ["session", "operations"], timeoutDefaultMs: 30_000 } as const;
// A person stands at the door and waits: as urgent as paying.
const atTheDoor = { ...common, access: "gate", limits: ["session"], priority: "paying" } as const;
const enter = { ...common, access: "public", limits: ["sessions_per_address"], priority: "reserving" } as const;

const policies = new Map<DescMethod, MethodPolicy>([
  [SessionService.method.createGuestSession, enter],
  [SessionService.method.exchangeIdToken, enter],
  // The chart of a stadium is larger than other requests.
  [EventService.method.createEvent, { ...organise, bodyBytesMax: 1024 * 1024 }],
  [EventService.method.publishEvent, organise],
  [EventService.method.getEvent, cacheable],
  [EventService.method.listEvents, cacheable],
  [EventService.method.getAvailability, cacheable],
  [
    ReservationService.method.createReservation,
    { ...mine, limits: ["session", "event"], priority: "reserving", queue: "reservations" },
  ],
  [ReservationService.method.getReservation, { ...mine, priority: "paying" }],
  [ReservationService.method.listReservations, { ...mine, priority: "browsing", queue: "reads" }],
  [ReservationService.method.cancelReservation, { ...mine, priority: "cancelling" }],
  // A provider may take its time, and a payment that is given up early has to be asked for again.
  [ReservationService.method.checkout, { ...mine, priority: "paying", timeoutDefaultMs: 30_000 }],
  [TicketService.method.listTickets, { ...mine, priority: "browsing", queue: "reads" }],
  [TicketService.method.getTicketQr, { ...mine, priority: "cancelling" }],
  [TicketService.method.transferTicket, { ...mine, priority: "cancelling" }],
  [TicketService.method.verifyTicket, atTheDoor],
  [TicketService.method.admitTicket, atTheDoor],
  [TicketService.method.submitScans, { ...atTheDoor, priority: "cancelling" }],
  [TicketService.method.listReservationTickets, organise],
  [TicketService.method.revokeTicket, { ...organise, priority: "cancelling" }],
  [TicketService.method.getVerificationKeys, atTheDoor],
  [TicketService.method.getRevocations, { ...atTheDoor, priority: "cancelling" }],
  [OperationsService.method.checkInvariants, inspect],
  [OperationsService.method.verifyLedger, inspect],
  [OperationsService.method.saleReport, inspect],
  [OperationsService.method.refundReservation, { ...organise, priority: "cancelling" }],
  [OperationsService.method.explainReservation, organise],
  // Reads all holds of an event.
  [OperationsService.method.explainSeat, { ...organise, limits: ["session", "operations"] }],
]);

/** Returns a method's policy; throws for a method that the table lacks. */
export function policyOf(method: DescMethod): MethodPolicy {
  const policy = policies.get(method);
  if (!policy) throw new Error(`${method.parent.typeName}.${method.name} has no policy`);
  return policy;
}
