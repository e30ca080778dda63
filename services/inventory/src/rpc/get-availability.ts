// GetAvailability.

import { RefusalReason } from "#stubs";
import type { Handler } from "#shared/grpc-server";
import { createRefusal } from "#shared/refusal";
import type { Sql } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import type { InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import { getAvailability } from "../store/availability.ts";
import { availabilityMessage, eventStateMessage } from "./messages.ts";

/** Returns the handler. */
export function getAvailabilityHandler(sql: Sql): Handler<typeof InventoryService.method.getAvailability> {
  return async ({ eventId, areaIds }) => {
    const availability = await getAvailability(sql, { eventId: eventId.toLowerCase(), areaIds });
    if (!availability) throw errorFromRefusal(createRefusal(RefusalReason.NOT_FOUND, "there is no such event"));
    return {
      eventId: eventId.toLowerCase(),
      state: eventStateMessage(availability.state),
      areas: availability.areas.map(availabilityMessage),
    };
  };
}
