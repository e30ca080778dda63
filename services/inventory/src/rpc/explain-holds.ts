// ExplainHolds.

import { StoryService } from "#stubs";
import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { storyMessage } from "#shared/story";
import type { InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import { areaKey, type Area } from "../domain/area.ts";
import { holdStory, type HoldRecord } from "../domain/hold-story.ts";
import type { AreaCatalog } from "../store/area-catalog.ts";
import { readHoldRecords } from "../store/read-history.ts";

/** Returns the handler. */
export function explainHoldsHandler(deps: {
  sql: Sql;
  catalog: AreaCatalog;
}): Handler<typeof InventoryService.method.explainHolds> {
  const { sql, catalog } = deps;
  return async ({ eventId, holdIds }) => {
    const { holds, now } = await readHoldRecords(sql, {
      eventId: eventId.toLowerCase(),
      holdIds: holdIds.map((holdId) => holdId.toLowerCase()),
    });
    return { stories: holdStories(holds, await catalog.load(holds), now) };
  };
}

/** Returns the messages of holds' stories, in order. */
export function holdStories(holds: readonly HoldRecord[], areas: ReadonlyMap<string, Area>, now: Date) {
  return holds.map((hold) => storyMessage(StoryService.INVENTORY, holdStory(hold, areas.get(areaKey(hold))!, now)));
}
