// ExplainSeat.

import { RefusalReason, SeatState as SeatStateMessage } from "#stubs";
import { createBatcher } from "#shared/batcher";
import type { Handler } from "#shared/grpc-server";
import { createRefusal } from "#shared/refusal";
import type { Sql } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import type { InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import { areaKey, type Area, type AreaRef } from "../domain/area.ts";
import { seatFromName, type SeatName } from "../domain/chart.ts";
import { Seat, type SeatState } from "../domain/seat-map.ts";
import { seatSummary } from "../domain/seat-story.ts";
import type { AreaCatalog } from "../store/area-catalog.ts";
import { readSeatHistory, type SeatHistory } from "../store/read-history.ts";
import { holdStories } from "./explain-holds.ts";

const holdsMax = 20;

// One at a time: an answer takes as long as an event has holds, and must leave connections to other reads and to /ready.
const bounds = { itemsMax: 1, inFlightMax: 1, queueMax: 10 };

const gaps = ["Requests for this seat that were refused left no trace: a refusal writes nothing."];

const states: Record<SeatState, SeatStateMessage> = {
  [Seat.free]: SeatStateMessage.FREE,
  [Seat.held]: SeatStateMessage.HELD,
  [Seat.sold]: SeatStateMessage.SOLD,
  [Seat.blocked]: SeatStateMessage.BLOCKED,
};

/** Returns the handler. */
export function explainSeatHandler(deps: {
  sql: Sql;
  catalog: AreaCatalog;
}): Handler<typeof InventoryService.method.explainSeat> {
  const { sql, catalog } = deps;
  const questions = createBatcher<AreaRef & { seat: number }, SeatHistory>({
    ...bounds,
    run: async ([question]) => [await readSeatHistory(sql, { ...question!, holdsMax })],
  });
  return async (request, call) => {
    const ref = { eventId: request.eventId.toLowerCase(), areaId: request.areaId };
    const area = (await catalog.load([ref])).get(areaKey(ref));
    const name = request.seat!;
    const { holds, holdsInAll, now, ...standing } = await questions.submit({ ...ref, seat: seatOf(area, name) }, call);
    return {
      state: states[standing.state],
      summary: seatSummary({ ...standing, name: `${name.row}-${name.number} in ${ref.areaId}` }, holds[0]),
      ownerHoldId: standing.ownerHoldId ?? "",
      stories: holdStories(holds, new Map([[areaKey(ref), area!]]), now),
      storiesLeftOut: holdsInAll - holds.length,
      gaps,
    };
  };
}

function seatOf(area: Area | undefined, name: SeatName): number {
  if (area?.chart.kind === "generalAdmission") {
    const description = "the area has no numbered seats: ask about a reservation instead";
    throw errorFromRefusal(refuseFields([{ field: "area_id", description }]));
  }
  const seat = area && seatFromName(area.chart, name);
  if (seat === undefined) throw errorFromRefusal(createRefusal(RefusalReason.NOT_FOUND, "there is no such seat"));
  return seat;
}
