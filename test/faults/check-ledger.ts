// What has to hold of the ledger: its whole chain verifies, and each event's money is that of its seats.

import { walkLedger } from "#stack/ledger-walk";
import type { Ask } from "./ask.ts";
import type { Booking } from "./booking.ts";
import type { Cast } from "./buyers.ts";

const timeoutMs = 20_000;

/** Returns where the ledger is broken, and which of the bookings' events have other money than seats. */
export async function brokenLedger(
  bookings: readonly Booking[],
  { organiser: { operations } }: Pick<Cast, "organiser">,
  ask: Ask,
): Promise<string[]> {
  const broken: string[] = [];
  const walk = await walkLedger((request) => ask((bounds) => operations.verifyLedger(request, bounds), timeoutMs), {
    after: undefined,
    onProgress: () => {},
  });
  if (walk.kind === "broken") broken.push(`the ledger is broken: ${walk.words}`);
  for (const eventId of new Set(bookings.map(({ wish }) => wish.eventId))) {
    const { agrees, areas } = await ask((bounds) => operations.saleReport({ eventId }, bounds), timeoutMs);
    const wrong = areas.filter((area) => !area.agrees).map(({ areaId }) => areaId || "money of no area");
    if (!agrees) broken.push(`the money of event ${eventId} is not that of its seats: ${wrong.join(", ")}`);
  }
  return broken;
}
