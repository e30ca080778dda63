// What became of the messages that tell others of a booking, in words.

import type { BookingHistory } from "./booking-history.ts";
import type { EventType } from "./transition.ts";

/** Returns a sentence, with a space before it: whether the latest message of a type is published. */
export function eventWords({ waiting }: Pick<BookingHistory, "waiting">, type: EventType): string {
  if (waiting === undefined) return ` Whether ${type} is published was not looked up.`;
  // Rows leave the outbox once they are published.
  return waiting.includes(type) ? ` ${type} still waits to be published.` : ` ${type} is published.`;
}
