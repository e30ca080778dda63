// Requests as buyers send them, whole: each with its own id and its own customer's session.

import { createReservationIds } from "./reservation-ids.ts";

/** A sale: an event's areas, which requests ask for in turn. */
export type Sale = {
  eventId: string;
  areaIds: string[];
  /** When as many requests were sent to it, the next sale begins. */
  requests: number;
};

/** One request, whole. */
export type LoadRequest = {
  /** Under which it may be repeated. */
  id: string;
  /** What is sent first. */
  bytes: string;
  /** Returns what is sent when it is repeated: a reservation then no longer says that it is the first attempt. */
  again: () => string;
  /** What the answer to it must say, beside its id, to be a success. */
  success: string;
  eventId: string;
  token: string;
};

/** Where requests come from. */
export type RequestSource = () => LoadRequest;

/** What every request needs. */
export type RequestContext = {
  /** Of the `host` header. */
  host: string;
  tokenOf: (number: number) => string;
};

const reservations = "/boxoffice.edge.v1.ReservationService";
const sessions = "/boxoffice.edge.v1.SessionService";

/** Returns a source of requests for `quantity` seats that goes through the sales in order and through their areas in turn. */
export function createBookingRequests(
  { sales, quantity }: { sales: Sale[]; quantity: number },
  { host, tokenOf }: RequestContext,
): RequestSource {
  const newId = createReservationIds();
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
    const id = newId();
    const areaId = areaIds[sent % areaIds.length]!;
    const token = tokenOf(sent);
    sent += 1;
    const fields = `"eventId":"${eventId}","reservationId":"${id}","areaId":"${areaId}","bestAvailable":{"quantity":${quantity}}`;
    const bytesOf = (body: string) => postOf(`${reservations}/CreateReservation`, { host, token, body });
    const bytes = bytesOf(`{${fields},"firstAttempt":true}`);
    return { id, eventId, token, bytes, again: () => bytesOf(`{${fields}}`), success: "RESERVATION_STATE_HELD" };
  };
}

/** Returns a source of checkouts of what these requests reserved, each once. */
export function createCheckoutRequests(reserved: LoadRequest[], { host }: RequestContext): RequestSource {
  let sent = 0;
  return () => {
    const { id, eventId, token } = reserved[sent]!;
    sent += 1;
    const body = `{"eventId":"${eventId}","reservationId":"${id}","paymentMethodToken":"tok_approve","idempotencyKey":"first"}`;
    const bytes = postOf(`${reservations}/Checkout`, { host, token, body });
    return { id, eventId, token, bytes, again: () => bytes, success: "RESERVATION_STATE_CONFIRMED" };
  };
}

/** Returns a source of requests for a guest's session, which the gateway answers by itself. */
export function createGuestRequests({ host }: RequestContext): RequestSource {
  const bytes = postOf(`${sessions}/CreateGuestSession`, { host, token: "", body: "{}" });
  return () => ({ id: "", eventId: "", token: "", bytes, again: () => bytes, success: '"sessionToken"' });
}

function postOf(path: string, { host, token, body }: { host: string; token: string; body: string }): string {
  const authorization = token === "" ? "" : `authorization: Bearer ${token}\r\n`;
  return (
    `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
    `${authorization}content-length: ${body.length}\r\n\r\n${body}`
  );
}
