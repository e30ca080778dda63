// The terms on which an event's bookings may be given back. They never change once the event is published, so that each event
// is asked for once.

import type { GrpcClient, InventoryService } from "#stubs";
import type { Caller } from "#shared/batcher";
import { timestampDate } from "@bufbuild/protobuf/wkt";

/** What reservation needs to know of an event. */
export type EventTerms = {
  /**
   * Returns until when a customer may give a paid booking back. Throws ConnectError where inventory can't be asked, or does not
   * answer before the caller's deadline.
   */
  refundUntil(eventId: string, caller: Pick<Caller, "deadlineAtMs">): Promise<Date>;
};

const eventsMax = 10_000;

/** Returns the terms, from inventory behind `client`; each call takes at most `timeoutMs`. */
export function createEventTerms(options: {
  client: GrpcClient<typeof InventoryService>;
  timeoutMs: number;
}): EventTerms {
  const { client, timeoutMs } = options;
  const known = new Map<string, Date>();
  return {
    async refundUntil(eventId, { deadlineAtMs }) {
      const remembered = known.get(eventId);
      if (remembered) return remembered;
      const { event } = await client.getEvent(
        { eventId },
        { timeoutMs: Math.min(timeoutMs, Math.max(1, deadlineAtMs - Date.now())) },
      );
      // Inventory of an earlier version does not know of the rule: then the event's start is it.
      const time = event?.refundUntilTime ?? event?.startTime;
      if (!time) throw new Error(`event ${eventId} has no time`);
      if (known.size >= eventsMax) known.delete(known.keys().next().value!);
      known.set(eventId, timestampDate(time));
      return known.get(eventId)!;
    },
  };
}
