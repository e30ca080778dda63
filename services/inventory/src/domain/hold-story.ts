// What happened to a hold, and how a seat stands, in words.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { assertNever } from "#shared/assert-never";
import { countText, utcText, type StoryPart, type Told } from "#shared/story";
import type { Area } from "./area.ts";
import { seatsText } from "./chart.ts";
import { asItStands, type Hold } from "./hold.ts";

/** Places that a sold hold gave back. */
export type HoldReturn = Pick<Hold, "quantity" | "seats"> & {
  /** Places that it owned afterwards. */
  quantityLeft: number;
  /** They were kept from sale. */
  blocked: boolean;
  returnedAt: Date;
};

/** A hold with the times at which it left its states. */
export type HoldRecord = Hold & {
  /** The latest time; null where it never was, or before this was kept. */
  prolongedAt: Date | null;
  /** Null where it was never sold, or before this was kept. */
  confirmedAt: Date | null;
  /** When its seats were freed; null while it lives, or before this was kept. */
  endedAt: Date | null;
  /** Oldest first; those from before they were kept are missing. */
  returns: HoldReturn[];
};

/** Returns the story of a hold in `area`, at `now`. */
export function holdStory(hold: HoldRecord, area: Area, now: Date): StoryPart {
  const told = [
    heldEntry(hold, area),
    ...prolongedEntries(hold, area),
    ...soldEntries(hold),
    ...hold.returns.map((part) => returnedEntry(hold, area, part)),
    ...endEntries(hold),
  ];
  return {
    id: hold.holdId,
    summary: summaryOf(hold, now),
    told,
    next: nextOf(hold, now),
    gaps: gapsOf(told),
  };
}

// E.g. `A-1, A-2 in stalls`, `3 places in floor`.
function placesText({ seats, quantity, areaId }: Pick<Hold, "seats" | "quantity" | "areaId">, { chart }: Area): string {
  const places = chart.kind === "seated" ? seatsText(chart, seats) : countText(quantity, "place");
  return `${places} in ${areaId}`;
}

function heldEntry(hold: HoldRecord, area: Area): Told {
  return {
    kind: StoryKind.SEATS_HELD,
    at: hold.createdAt,
    text: `${placesText(asMade(hold), area)}: held for customer ${hold.customerId} until ${utcText(firstEndOf(hold, area))}.`,
    ids: idsOf(hold),
  };
}

// The row says what the hold owns still, or owned when the last of it came back.
function asMade({ areaId, quantity, seats, returns }: HoldRecord): Pick<Hold, "seats" | "quantity" | "areaId"> {
  const parts = returns.filter(({ quantityLeft }) => quantityLeft > 0);
  return {
    areaId,
    quantity: parts.reduce((sum, part) => sum + part.quantity, quantity),
    seats: [...seats, ...parts.flatMap((part) => part.seats)].toSorted((a, b) => a - b),
  };
}

function prolongedEntries(hold: HoldRecord, area: Area): Told[] {
  if (hold.expiresAt <= firstEndOf(hold, area)) return [];
  const text = `The hold was prolonged until ${utcText(hold.expiresAt)}, since a payment was running; of several times the last is kept.`;
  return [{ kind: StoryKind.HOLD_PROLONGED, at: hold.prolongedAt, text, ids: idsOf(hold) }];
}

function soldEntries(hold: HoldRecord): Told[] {
  if (hold.state !== "confirmed" && hold.state !== "refunded") return [];
  const text = "The hold was alive by the database's clock, and its seats were sold.";
  return [{ kind: StoryKind.SEATS_SOLD, at: hold.confirmedAt, text, ids: idsOf(hold) }];
}

function returnedEntry(hold: HoldRecord, area: Area, { returnedAt, ...part }: HoldReturn): Told {
  const places = placesText({ ...part, areaId: hold.areaId }, area);
  const then = part.blocked ? "to be kept from sale" : "to go on sale again";
  const rest = part.quantityLeft > 0 ? ` The hold goes on owning ${countText(part.quantityLeft, "place")}.` : "";
  const text = `${places}: came back from the sale, ${then}.${rest}`;
  return { kind: StoryKind.SEATS_RETURNED, at: returnedAt, text, ids: idsOf(hold) };
}

function endEntries(hold: HoldRecord): Told[] {
  const end = (kind: StoryKind, text: string): Told[] => [{ kind, at: hold.endedAt, text, ids: idsOf(hold) }];
  switch (hold.state) {
    case "held":
    case "confirmed":
      return [];
    case "released":
      return end(StoryKind.SEATS_RELEASED, "The hold was given back, and its seats went on sale again.");
    case "expired":
      return end(
        StoryKind.SEATS_EXPIRED,
        `The hold's time was over at ${utcText(hold.expiresAt)}, and its seats went on sale again.`,
      );
    case "refunded":
      return hold.returns.some(({ quantityLeft }) => quantityLeft === 0)
        ? []
        : end(StoryKind.SEATS_RETURNED, "The seats came back from a sale.");
    default:
      return assertNever(hold.state);
  }
}

function summaryOf(hold: HoldRecord, now: Date): string {
  const { state } = asItStands(hold, now);
  switch (state) {
    case "held":
      return `The hold is alive until ${utcText(hold.expiresAt)}.`;
    case "confirmed":
      return hold.returns.length > 0 ? "The seats are sold, but for those that came back." : "The seats are sold.";
    case "released":
      return "The hold was given back.";
    case "expired":
      return "The hold has lapsed.";
    case "refunded":
      return "The seats were sold, and came back.";
    default:
      return assertNever(state);
  }
}

function nextOf(hold: HoldRecord, now: Date): string[] {
  if (hold.state !== "held") return [];
  return asItStands(hold, now).state === "held"
    ? [`Inventory ends the hold after ${utcText(hold.expiresAt)}, unless its seats are sold before.`]
    : ["Inventory frees the seats within 5 seconds of the hold's end, and at once if somebody needs them."];
}

function gapsOf(told: readonly Told[]): string[] {
  return told
    .filter(({ at }) => at === null)
    .map(({ kind }) => `The time of ${StoryKind[kind]} is not kept: it was before such times were written down.`);
}

function firstEndOf({ createdAt }: HoldRecord, { terms }: Area): Date {
  return new Date(createdAt.getTime() + terms.holdTtlMs);
}

function idsOf({ holdId, customerId }: HoldRecord): Record<string, string> {
  return { hold_id: holdId, customer_id: customerId };
}
