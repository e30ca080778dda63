// The public API as its users see it: a Connect client with a session, and bare curl.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Client, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { v7 as uuidv7 } from "uuid";
import { EventService, type CreateEventRequestSchema } from "#gen/boxoffice/edge/v1/event";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import { SessionService } from "#gen/boxoffice/edge/v1/session";
import { TicketService } from "#gen/boxoffice/edge/v1/ticket";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details";

/** Somebody with a session. */
export type EdgeUser = {
  token: string;
  customerId: string;
  events: Client<typeof EventService>;
  reservations: Client<typeof ReservationService>;
  tickets: Client<typeof TicketService>;
  operations: Client<typeof OperationsService>;
};

/** Returns a guest. */
export async function guest(gatewayUrl: string): Promise<EdgeUser> {
  const { session } = await sessions(gatewayUrl).createGuestSession({});
  return userOf(gatewayUrl, session!.sessionToken, session!.customerId);
}

/** Returns an organiser, whose id token comes from the development issuer. */
export async function organiser(gatewayUrl: string, issuerUrl: string, subject = "organiser-1"): Promise<EdgeUser> {
  return await member(gatewayUrl, issuerUrl, { sub: subject, roles: ["organiser"] });
}

/** Returns somebody who scans tickets at the door. */
export async function gateStaff(gatewayUrl: string, issuerUrl: string): Promise<EdgeUser> {
  return await member(gatewayUrl, issuerUrl, { sub: "gate-1", roles: ["gate"] });
}

/** Returns whoever the development issuer vouches for, with a session of its own: the same `sub` is the same customer. */
export async function member(
  gatewayUrl: string,
  issuerUrl: string,
  identity: { sub: string; roles?: string[] },
): Promise<EdgeUser> {
  const response = await fetch(`${issuerUrl}/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(identity),
  });
  const { id_token: idToken } = (await response.json()) as { id_token: string };
  const { session } = await sessions(gatewayUrl).exchangeIdToken({ idToken });
  return userOf(gatewayUrl, session!.sessionToken, session!.customerId);
}

/** What an event in a test may differ in. */
export type EventWishes = Partial<
  Pick<MessageInitShape<typeof CreateEventRequestSchema>, "customerLimit" | "areas">
> & {
  holdTtlMs?: number;
  /** When its refunds end, in epoch milliseconds; when it begins, where not given. */
  refundUntilMs?: number;
};

/** Creates and publishes an event that is on sale: area `stalls`, ten rows of ten seats, 25 EUR each. Returns its id. */
export async function publishEvent(by: EdgeUser, wishes: EventWishes = {}): Promise<string> {
  const { holdTtlMs = 600_000, customerLimit = 0, refundUntilMs, areas = [seatedArea("stalls", 10, 10)] } = wishes;
  const eventId = uuidv7();
  await by.events.createEvent({
    eventId,
    name: "Test Night",
    venue: "Town Hall",
    startTime: timestampFromMs(Date.now() + 86_400_000),
    customerLimit,
    holdTtl: durationFromMs(holdTtlMs),
    ...(refundUntilMs !== undefined && { refundUntilTime: timestampFromMs(refundUntilMs) }),
    areas,
  });
  await by.events.publishEvent({ eventId });
  return eventId;
}

/** Returns a seated area with rows A, B, …, best first. */
export function seatedArea(areaId: string, rowCount: number, seatCount: number) {
  const rows = Array.from({ length: rowCount }, (_, index) => ({ label: String.fromCharCode(65 + index), seatCount }));
  return {
    areaId,
    name: areaId,
    price: { currencyCode: "EUR", amountMinor: 2_500n },
    layout: { case: "seated" as const, value: { rows } },
  };
}

/** Asks for the best `quantity` seats of `areaId` under a new id. */
export function bestOf(eventId: string, quantity: number, areaId = "stalls", reservationId = uuidv7()) {
  const selection = { case: "bestAvailable" as const, value: { quantity } };
  return { eventId, areaId, reservationId, selection };
}

/** Returns the refusal's reason, or the code's name for an error without one; throws when the call succeeded. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return error.findDetails(ErrorInfoSchema)[0]?.reason ?? Code[error.code]!;
  }
  throw new Error("the call succeeded");
}

const repeated = [Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.ResourceExhausted];

/** Repeats a call that is unknown, pending or to come back later, as a client should, with the same key; at most for a minute. */
export async function untilKnown<T>(call: () => Promise<T>): Promise<T> {
  const giveUpAtMs = Date.now() + 60_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const code = error instanceof ConnectError ? error.code : undefined;
      if (!repeated.includes(code!) || Date.now() > giveUpAtMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Waits until `check` returns something other than undefined; throws after a minute. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined>): Promise<T> {
  const giveUpAtMs = Date.now() + 60_000;
  while (Date.now() < giveUpAtMs) {
    const found = await check();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within a minute: ${what}`);
}

/** Calls a method with curl and JSON; returns the HTTP status and the parsed answer. */
export async function curl(url: string, body: unknown, token?: string): Promise<{ status: number; body: any }> {
  const { stdout } = await promisify(execFile)("curl", [
    ...["-sS", "-w", "\n%{http_code}", "-H", "content-type: application/json", "--data", JSON.stringify(body)],
    ...(token ? ["-H", `authorization: Bearer ${token}`] : []),
    url,
  ]);
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), body: JSON.parse(stdout.slice(0, at)) };
}

function sessions(baseUrl: string): Client<typeof SessionService> {
  return createClient(SessionService, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
}

function userOf(baseUrl: string, token: string, customerId: string): EdgeUser {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors: [authorize] });
  return {
    token,
    customerId,
    events: createClient(EventService, transport),
    reservations: createClient(ReservationService, transport),
    tickets: createClient(TicketService, transport),
    operations: createClient(OperationsService, transport),
  };
}
