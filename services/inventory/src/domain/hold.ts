// A hold and its life: held, then confirmed, released or expired; confirmed, then refunded. It never goes back.

import type { StockPart } from "./stock.ts";

export type HoldState = "held" | "confirmed" | "released" | "expired" | "refunded";

/** A hold. */
export type Hold = {
  eventId: string;
  holdId: string;
  areaId: string;
  customerId: string;
  quantity: number;
  /** The area's seat numbers; empty for general admission. */
  seats: number[];
  /** The command's selection in canonical words. */
  selection: string;
  state: HoldState;
  createdAt: Date;
  expiresAt: Date;
};

/** Names a hold. */
export type HoldRef = { eventId: string; holdId: string };

/** What became of a command about a hold: the hold as it stands now, or why not. */
export type HoldDecision =
  /** `blocksSeats`: those that it gives up are not free now, but kept from sale. */
  | { kind: "hold"; hold: Hold; blocksSeats?: boolean }
  | { kind: "notFound" }
  | { kind: "invalid"; field: string; description: string }
  | { kind: "lapsed" }
  | { kind: "wrongState"; state: HoldState };

/** Returns one word that names a hold, for maps. */
export function holdKey({ eventId, holdId }: HoldRef): string {
  return `${eventId}/${holdId}`;
}

/** Returns one word that names an event's customer, for maps. */
export function customerKey({ eventId, customerId }: { eventId: string; customerId: string }): string {
  return `${eventId}/${customerId}`;
}

/** Returns the hold as it stands at `now`: one that lapsed is expired, swept or not. */
export function asItStands(hold: Hold, now: Date): Hold {
  return hold.state === "held" && hold.expiresAt <= now ? { ...hold, state: "expired" } : hold;
}

/** Returns what a hold owned at first and does not own afterwards; nothing where it owns no less. */
export function givenUp(before: Hold, after: Hold): Pick<Hold, "quantity" | "seats"> {
  if (stockPartOf(after.state) === "free") {
    return stockPartOf(before.state) === "free" ? { quantity: 0, seats: [] } : before;
  }
  const kept = new Set(after.seats);
  return { quantity: before.quantity - after.quantity, seats: before.seats.filter((seat) => !kept.has(seat)) };
}

/** Where the seats of a hold in this state are; those of a refunded one may have been blocked instead. */
export function stockPartOf(state: HoldState): StockPart {
  switch (state) {
    case "held":
      return "held";
    case "confirmed":
      return "sold";
    case "released":
    case "expired":
    case "refunded":
      return "free";
  }
}

/** Sells a hold that is alive at `now`. */
export function confirmHold(hold: Hold, now: Date): HoldDecision {
  const { state } = asItStands(hold, now);
  if (state === "confirmed") return standing(hold);
  return state === "held" ? standing({ ...hold, state: "confirmed" }) : { kind: "lapsed" };
}

/** How a hold is given back. */
export type Release = {
  /** One that is confirmed too. */
  confirmedToo: boolean;
  /** The seats of a confirmed one are blocked instead of free. */
  keepBlocked?: boolean;
  /** What a confirmed one goes on owning; without it, or where it is nothing, all of it is given back. */
  rest?: Pick<Hold, "quantity" | "seats"> | undefined;
};

/** Gives a hold back, or a part of one that is confirmed. */
export function releaseHold(hold: Hold, now: Date, { confirmedToo, keepBlocked = false, rest }: Release): HoldDecision {
  const current = asItStands(hold, now);
  switch (current.state) {
    case "held":
      return standing({ ...current, state: "released" });
    case "confirmed":
      if (!confirmedToo) return { kind: "wrongState", state: current.state };
      if (rest?.quantity === current.quantity) return standing(hold);
      return {
        kind: "hold",
        hold: rest && rest.quantity > 0 ? { ...current, ...rest } : { ...current, state: "refunded" },
        blocksSeats: keepBlocked,
      };
    case "released":
    case "expired":
    case "refunded":
      return standing(current);
  }
}

/**
 * Makes a hold that is alive at `now` live for `extendByMs` from now: never beyond twice the event's hold time plus
 * `extensionMaxMs` after it was made, and never shorter than before. A confirmed one stands as it is.
 */
export function extendHold(
  hold: Hold,
  now: Date,
  options: { extendByMs: number; holdTtlMs: number; extensionMaxMs: number },
): HoldDecision {
  const { state } = asItStands(hold, now);
  if (state === "confirmed") return standing(hold);
  if (state !== "held") return { kind: "lapsed" };
  const latestMs = hold.createdAt.getTime() + 2 * options.holdTtlMs + options.extensionMaxMs;
  const wantedMs = Math.min(now.getTime() + options.extendByMs, latestMs);
  return standing(wantedMs > hold.expiresAt.getTime() ? { ...hold, expiresAt: new Date(wantedMs) } : hold);
}

/** Ends a hold that has lapsed by `now`; any other stands as it is. */
export function expireHold(hold: Hold, now: Date): HoldDecision {
  return standing(asItStands(hold, now));
}

function standing(hold: Hold): HoldDecision {
  return { kind: "hold", hold };
}
