// The page token of a listing of tickets.

import { isUuid, partsFromToken, tokenFromParts } from "../../rpc/page.ts";
import type { TicketCursor } from "../store/read-tickets.ts";

const placeMax = 999_999_999;

/** Returns the token of the page that begins after the cursor. */
export function tokenFromTicketCursor({ eventId, reservationId, place }: TicketCursor): string {
  return tokenFromParts([eventId, reservationId, place]);
}

/** Returns the cursor of a token, or undefined when no token of ours looks like this. */
export function parseTicketPageToken(token: string): TicketCursor | undefined {
  const [eventId, reservationId, place, ...others] = partsFromToken(token);
  if (!isUuid(eventId) || !isUuid(reservationId) || others.length > 0) return undefined;
  if (!Number.isInteger(place) || (place as number) < 1 || (place as number) > placeMax) return undefined;
  return { eventId, reservationId, place: place as number };
}
