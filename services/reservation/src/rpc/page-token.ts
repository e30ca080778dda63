// The page token of a listing of bookings.

import type { ListCursor } from "../store/read-bookings.ts";
import { isUuid, partsFromToken, tokenFromParts } from "./page.ts";

const timeMaxMs = 8.64e15;

/** Returns the token of the page that begins after the cursor. */
export function pageTokenFromCursor({ createdAtMs, reservationId, eventId }: ListCursor): string {
  return tokenFromParts([createdAtMs, reservationId, eventId]);
}

/** Returns the cursor of a token, or undefined when no token of ours looks like this. */
export function parsePageToken(token: string): ListCursor | undefined {
  const [createdAtMs, reservationId, eventId, ...others] = partsFromToken(token);
  if (!Number.isInteger(createdAtMs) || Math.abs(createdAtMs as number) > timeMaxMs) return undefined;
  if (!isUuid(reservationId) || !isUuid(eventId) || others.length > 0) return undefined;
  return { createdAtMs: createdAtMs as number, reservationId, eventId };
}
