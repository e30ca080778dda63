// How a seat stands, in words.

import { assertNever } from "#shared/assert-never";
import { utcText } from "#shared/story";
import type { HoldRecord } from "./hold-story.ts";
import { Seat, type SeatState } from "./seat-map.ts";

/** A seat as the rows have it. */
export type SeatRecord = {
  /** As people write it, e.g. `A-12`. */
  name: string;
  /** What its area's map says. */
  state: SeatState;
  /** The hold that has the claim to it, if any has. */
  ownerHoldId: string | undefined;
};

/** Returns how a seat stands; `latest` is the latest hold that ever had it. Says so where its rows contradict each other. */
export function seatSummary(seat: SeatRecord, latest: HoldRecord | undefined): string {
  const summary = `${seat.name} is ${standing(seat, latest)}.`;
  const isTaken = seat.state === Seat.held || seat.state === Seat.sold;
  if (isTaken === (seat.ownerHoldId !== undefined)) return summary;
  const claim =
    seat.ownerHoldId === undefined ? "no hold has a claim to it" : `hold ${seat.ownerHoldId} has a claim to it`;
  return `${summary} Yet ${claim}: a promise is broken, ask CheckInvariants.`;
}

function standing({ state, ownerHoldId }: SeatRecord, latest: HoldRecord | undefined): string {
  switch (state) {
    case Seat.free:
      return latest === undefined ? "on sale: nobody ever held it" : "on sale again";
    case Seat.held:
      return latest === undefined || latest.holdId !== ownerHoldId
        ? `held by hold ${ownerHoldId ?? "unknown"}`
        : `held for customer ${latest.customerId} until ${utcText(latest.expiresAt)}`;
    case Seat.sold:
      return latest === undefined || latest.holdId !== ownerHoldId
        ? `sold to hold ${ownerHoldId ?? "unknown"}`
        : `sold to customer ${latest.customerId}`;
    case Seat.blocked:
      return "kept from sale";
    default:
      return assertNever(state);
  }
}
