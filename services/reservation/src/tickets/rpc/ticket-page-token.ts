// The page token of a listing of tickets: opaque to callers, and checked like any other input when it comes back.

import type { TicketCursor } from "../store/read-tickets.ts";

const shape = /^([0-9a-f-]{36})\/([0-9a-f-]{36})\/([1-9][0-9]{0,8})$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Returns the token of the page that begins after the cursor. */
export function tokenFromTicketCursor({ eventId, reservationId, place }: TicketCursor): string {
  return Buffer.from(`${eventId}/${reservationId}/${place}`).toString("base64url");
}

/** Returns the cursor of a token, or undefined when no token of ours looks like this. */
export function parseTicketPageToken(token: string): TicketCursor | undefined {
  const [, eventId = "", reservationId = "", place] = shape.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (!uuid.test(eventId) || !uuid.test(reservationId)) return undefined;
  return { eventId, reservationId, place: Number(place) };
}
