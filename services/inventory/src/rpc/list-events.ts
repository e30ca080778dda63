// ListEvents.

import { Buffer } from "node:buffer";
import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import type { InventoryService } from "#gen/boxoffice/inventory/v1/inventory";
import { listEvents, type PageStart } from "../store/events.ts";
import { eventMessage } from "./messages.ts";

const pageSizeDefault = 20;
const tokenPattern = /^(\d{1,16})\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Returns the handler. */
export function listEventsHandler(sql: Sql): Handler<typeof InventoryService.method.listEvents> {
  return async (request) => {
    const { events, more } = await listEvents(sql, {
      eventsMax: request.pageSize || pageSizeDefault,
      after: request.pageToken === "" ? undefined : parsePageToken(request.pageToken),
      filter: request.filter,
      drafts: request.includeDrafts,
    });
    const last = events.at(-1);
    return {
      events: events.map(eventMessage),
      nextPageToken: more && last ? pageToken({ startTimeMs: last.startTime.getTime(), eventId: last.eventId }) : "",
    };
  };
}

function pageToken({ startTimeMs, eventId }: PageStart): string {
  return Buffer.from(`${startTimeMs}/${eventId}`).toString("base64url");
}

function parsePageToken(token: string): PageStart {
  const [, startTimeMs, eventId] = tokenPattern.exec(Buffer.from(token, "base64url").toString()) ?? [];
  const start = { startTimeMs: Number(startTimeMs), eventId: eventId! };
  if (eventId && !Number.isNaN(new Date(start.startTimeMs).getTime())) return start;
  throw errorFromRefusal(refuseFields([{ field: "page_token", description: "is not a token of this method" }]));
}
