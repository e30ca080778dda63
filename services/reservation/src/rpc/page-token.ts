// The page token of a listing: opaque to callers, and checked like any other input when it comes back.

import type { ListCursor } from "../store/read-bookings.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const timeMaxMs = 8.64e15;

/** Returns the token of the page that begins after the cursor. */
export function pageTokenFromCursor({ createdAtMs, reservationId, eventId }: ListCursor): string {
  return Buffer.from(JSON.stringify([createdAtMs, reservationId, eventId])).toString("base64url");
}

/** Returns the cursor of a token, or undefined when no token of ours looks like this. */
export function parsePageToken(token: string): ListCursor | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 3) return undefined;
  const [createdAtMs, reservationId, eventId] = parts as unknown[];
  if (!Number.isInteger(createdAtMs) || Math.abs(createdAtMs as number) > timeMaxMs) return undefined;
  if (!isUuid(reservationId) || !isUuid(eventId)) return undefined;
  return { createdAtMs: createdAtMs as number, reservationId, eventId };
}

function isUuid(value: unknown): value is string {
  return typeof value === "string" && uuid.test(value);
}
