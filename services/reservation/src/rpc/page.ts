// What all listings share. A page token is the cursor after which the next page begins, opaque to callers, and checked like
// any other input when it comes back.

import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Returns the first `size` rows of what `read` gives, and the token of the page after them; an empty one after the last. */
export async function readPage<Row>(
  size: number,
  { read, tokenOf }: { read: (limit: number) => Promise<Row[]>; tokenOf: (last: Row) => string },
): Promise<{ rows: Row[]; nextPageToken: string }> {
  // One more than asked for tells whether there is a next page.
  const rows = await read(size + 1);
  if (rows.length <= size) return { rows, nextPageToken: "" };
  return { rows: rows.slice(0, size), nextPageToken: tokenOf(rows[size - 1]!) };
}

/** Returns the cursor of a request's token, undefined where it has none. Throws INVALID_ARGUMENT where `parse` knows none. */
export function cursorFromToken<Cursor>(
  pageToken: string,
  parse: (token: string) => Cursor | undefined,
): Cursor | undefined {
  if (pageToken === "") return undefined;
  const cursor = parse(pageToken);
  if (cursor) return cursor;
  throw errorFromRefusal(refuseFields([{ field: "page_token", description: "not a token of an earlier answer" }]));
}

/** Returns the token of a cursor's parts. */
export function tokenFromParts(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Returns the parts of a token, or none where no token of ours looks like this. */
export function partsFromToken(token: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

/** True for a UUID as the database writes it. */
export function isUuid(value: unknown): value is string {
  return typeof value === "string" && uuid.test(value);
}
