// Stories: what happened to one thing, told by the service that kept it. Times are the database's, in whole milliseconds
// rounded as Postgres rounds them, so that what came later never has an earlier time.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StoryEntrySchema, StoryKind, StorySchema, StoryService } from "#gen/boxoffice/common/v1/story";
import { timestampInit } from "./timestamps.ts";

/** One thing that happened. */
export type Told = {
  kind: StoryKind;
  /** Null where the time is not kept; the entry then belongs behind the one before it. */
  at: Date | null;
  /** One or two sentences for people. */
  text: string;
  ids?: Record<string, string>;
};

/** A service's part of a story, in the order of cause and effect. */
export type StoryPart = {
  id: string;
  /** Where it stands now. */
  summary: string;
  told: Told[];
  /** What happens next by itself. */
  next: string[];
  /** What is not kept. */
  gaps: string[];
};

/** Returns the message of what `service` tells. */
export function storyMessage(
  service: StoryService,
  { told, ...part }: StoryPart,
): MessageInitShape<typeof StorySchema> {
  const entries = told.map(({ at, kind, text, ids = {} }): MessageInitShape<typeof StoryEntrySchema> => ({
    service,
    kind,
    text,
    ids,
    ...(at ? { time: timestampInit(at) } : {}),
  }));
  return { ...part, entries };
}

/** Returns a time as people in every time zone read it, e.g. `2026-11-21 19:42:10.123 UTC`. */
export function utcText(at: Date): string {
  return at.toISOString().replace("T", " ").replace("Z", " UTC");
}

/** Returns an amount in minor units as people read it, e.g. `EUR 25.00`; the number of decimals is the currency's. */
export function amountText({ amountMinor, currency }: { amountMinor: number; currency: string }): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "code" });
  const { maximumFractionDigits: decimals = 2 } = format.resolvedOptions();
  return `${currency} ${(amountMinor / 10 ** decimals).toFixed(decimals)}`;
}

/** Returns `1 ticket`, `2 tickets`. */
export function countText(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
