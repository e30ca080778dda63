// HoldSeats.

import type { Batcher } from "#shared/batcher";
import type { Handler } from "#shared/grpc-server";
import type { Logger } from "#shared/logger";
import { HoldCommandSchema, type HoldCommand, type InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import type * as domain from "../domain/decide-holds.ts";
import { selectionWords, type Selection } from "../domain/selection.ts";
import { runItems } from "./batch.ts";
import type { CountOutcome } from "./outcome-metrics.ts";
import { holdSeatsMessage, type Answer } from "./outcomes.ts";

/** Runs commands in batches. */
export type HoldSeatsBatcher = Batcher<domain.HoldCommand, Answer<domain.HoldSeatsOutcome>>;

/** Returns the handler. */
export function holdSeatsHandler(parts: {
  batcher: HoldSeatsBatcher;
  count: CountOutcome;
  log: Logger;
}): Handler<typeof InventoryService.method.holdSeats> {
  const method = {
    ...parts,
    name: "HoldSeats",
    field: "commands",
    schema: HoldCommandSchema,
    parse: commandFromMessage,
    translate: holdSeatsMessage,
  };
  return async ({ commands }, call) => ({ outcomes: await runItems(commands, call, method) });
}

function commandFromMessage(message: HoldCommand): domain.HoldCommand {
  const selection = selectionFromMessage(message.selection);
  return {
    eventId: message.eventId.toLowerCase(),
    holdId: message.holdId.toLowerCase(),
    customerId: message.customerId,
    areaId: message.areaId,
    selection,
    words: selectionWords(selection),
    replacesHoldId: message.replacesHoldId.toLowerCase() || undefined,
  };
}

function selectionFromMessage(selection: HoldCommand["selection"]): Selection {
  switch (selection.case) {
    case "bestAvailable":
      return { kind: "best", quantity: selection.value.quantity, split: selection.value.split };
    case "namedSeats":
      return { kind: "named", seats: selection.value.seats };
    case "generalAdmission":
      return { kind: "count", quantity: selection.value.quantity };
    case undefined:
      throw new Error("validation lets no command without a selection through");
  }
}
