// GetHolds.

import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { invalidArgument } from "#shared/validate";
import { HoldKeySchema, type InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import { areaKey } from "../domain/area.ts";
import { holdKey } from "../domain/hold.ts";
import type { AreaCatalog } from "../store/area-catalog.ts";
import { readHoldsAsTheyStand } from "../store/read-holds.ts";
import { checkItems } from "./batch.ts";
import { refFromKey } from "./change-holds.ts";
import { decisionMessage, refused } from "./outcomes.ts";

/** Returns the handler. */
export function getHoldsHandler({
  sql,
  catalog,
}: {
  sql: Sql;
  catalog: AreaCatalog;
}): Handler<typeof InventoryService.method.getHolds> {
  return async ({ keys }) => {
    checkItems(keys, "keys");
    const invalid = keys.map((key) => invalidArgument(HoldKeySchema, key));
    const holds = await readHoldsAsTheyStand(sql, keys.filter((_, index) => !invalid[index]).map(refFromKey));
    const areas = await catalog.load([...holds.values()]);
    const outcomes = keys.map((key, index) => {
      if (invalid[index]) return refused(invalid[index]);
      const hold = holds.get(holdKey(refFromKey(key)));
      return decisionMessage({
        outcome: hold ? { kind: "hold", hold } : { kind: "notFound" },
        area: hold && areas.get(areaKey(hold)),
      });
    });
    return { outcomes };
  };
}
