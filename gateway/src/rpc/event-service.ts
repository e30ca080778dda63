import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import type { EventSchema as EdgeEventSchema, EventService } from "#gen/boxoffice/edge/v1/event";
import { EventState, type Event } from "#gen/boxoffice/inventory/v1/inventory";
import { createRefusal } from "#shared/refusal";
import type { Backends } from "../backends.ts";
import { edgeErrorFromRefusal } from "./errors.ts";
import { boundsOf, customerOf, isOrganiser } from "./handler-call.ts";
import type { EdgeHandlers } from "./pipeline.ts";

/** Returns the handlers of EventService. */
export function createEventHandlers({ inventory }: Pick<Backends, "inventory">): EdgeHandlers<typeof EventService> {
  return {
    createEvent: async ({ $typeName: _, $unknown: __, areas, ...fields }, call) => {
      const { event } = await inventory.createEvent(
        {
          ...fields,
          organiserId: customerOf(call),
          areas: areas.map(({ areaId, name, price, layout }) => ({
            areaId,
            name: name || areaId,
            price: price!,
            layout,
          })),
        },
        boundsOf(call),
      );
      return { event: edgeEvent(event!) };
    },
    publishEvent: async ({ eventId }, call) => {
      const { event } = await inventory.publishEvent({ eventId }, boundsOf(call));
      return { event: edgeEvent(event!) };
    },
    getEvent: async ({ eventId }, call) => {
      const { event } = await inventory.getEvent({ eventId }, boundsOf(call)).catch(hideWhatIsMissing);
      if (event!.state !== EventState.PUBLISHED && !isOrganiser(call)) throw noSuchEvent();
      return { event: edgeEvent(event!) };
    },
    listEvents: async ({ pageSize, pageToken, filter }, call) => {
      const page = await inventory.listEvents(
        { pageSize, pageToken, filter, includeDrafts: isOrganiser(call) },
        boundsOf(call),
      );
      return { events: page.events.map(edgeEvent), nextPageToken: page.nextPageToken };
    },
    getAvailability: async ({ eventId, areaIds }, call) => {
      const { state, areas } = await inventory
        .getAvailability({ eventId, areaIds }, boundsOf(call))
        .catch(hideWhatIsMissing);
      if (state !== EventState.PUBLISHED && !isOrganiser(call)) throw noSuchEvent();
      return {
        eventId,
        areas: areas.map(({ $typeName: _, $unknown: __, rows, ...counts }) => ({
          ...counts,
          rows: rows.map(({ label, seats }) => ({ label, seats })),
        })),
      };
    },
  };
}

// The two enums have the same numbers; a test holds them together.
function edgeEvent({ $typeName: _, $unknown: __, organiserId: ___, areas, ...fields }: Event) {
  return {
    ...fields,
    areas: areas.map(({ $typeName: _, $unknown: __, ...area }) => area),
  } as MessageInitShape<typeof EdgeEventSchema>;
}

// A draft and nothing at all get the very same answer, so that nobody can tell which ids exist.
function hideWhatIsMissing(error: ConnectError): never {
  throw error.code === Code.NotFound ? noSuchEvent() : error;
}

function noSuchEvent(): ConnectError {
  return edgeErrorFromRefusal(createRefusal(RefusalReason.NOT_FOUND, "no such event"));
}
