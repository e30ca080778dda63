// Requests to reserve seats, as buyers send them: each with its own reservation id and its own customer's session.

import { createSessionTokens } from "../../gateway/src/session/session-token.ts";

/** What the requests ask for. */
export type Wishes = {
  host: string;
  port: number;
  /** Sales that follow each other: when as many requests as `requests` were sent to one, the next begins. */
  sales: { eventId: string; areaIds: string[]; requests: number }[];
  /** Seats a request. */
  quantity: number;
};

/** One request, whole. */
export type BookingRequest = { reservationId: string; bytes: string };

const path = "/boxoffice.edge.v1.ReservationService/CreateReservation";

/**
 * Returns a source of requests that goes through the areas in turn. Sessions are signed ahead, `sessionCount` of them, as the
 * gateway would sign them: buyers have their sessions before the sale opens. More requests than that reuse them.
 */
export function createBookingRequests(
  wishes: Wishes,
  options: { sessionSecret: string; sessionCount: number; firstCustomer: number },
): () => BookingRequest {
  const { host, port, sales, quantity } = wishes;
  const tokens = signSessions(options);
  const newId = createIdSource();
  let sent = 0;
  let saleIndex = 0;
  let sentToSale = 0;
  return () => {
    if (sentToSale === sales[saleIndex]!.requests && saleIndex + 1 < sales.length) {
      saleIndex += 1;
      sentToSale = 0;
    }
    const { eventId, areaIds } = sales[saleIndex]!;
    sentToSale += 1;
    const reservationId = newId();
    const areaId = areaIds[sent % areaIds.length]!;
    const body = `{"eventId":"${eventId}","reservationId":"${reservationId}","areaId":"${areaId}","bestAvailable":{"quantity":${quantity}}}`;
    const bytes =
      `POST ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-type: application/json\r\n` +
      `authorization: Bearer ${tokens[sent % tokens.length]!}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    sent += 1;
    return { reservationId, bytes };
  };
}

function signSessions(options: { sessionSecret: string; sessionCount: number; firstCustomer: number }): string[] {
  const { sign } = createSessionTokens(options.sessionSecret);
  const expiresAtMs = Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000;
  return Array.from({ length: options.sessionCount }, (_, index) =>
    sign({ subject: `guest:bench-${options.firstCustomer + index}`, roles: [], expiresAtMs }),
  );
}

// UUIDv7 (RFC 9562): 48 bits of milliseconds, then a counter and a random part of this process's own.
function createIdSource(): () => string {
  const own = Math.floor(Math.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, "0");
  let counter = 0;
  let millis = 0;
  let prefix = "";
  return () => {
    const now = Date.now();
    if (now !== millis) {
      millis = now;
      const hex = now.toString(16).padStart(12, "0");
      prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    }
    counter = (counter + 1) & 0x0fff_ffff;
    const tail = counter.toString(16).padStart(7, "0");
    return `${prefix}${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail.slice(6)}000${own}`;
  };
}
