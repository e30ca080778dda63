// How much may run at once. Past that the gateway refuses at once instead of letting everybody wait, in the order of mercy:
// browsing is refused first, paying last.

import { RefusalReason, type Refusal } from "#stubs";
import { createRefusal } from "#shared/refusal";
import type { Priority } from "./policy.ts";

/** Counts requests in flight. */
export type Admission = {
  /** Lets a request in, to be matched by `leave`; returns false when its kind has no room. */
  enter(priority: Priority): boolean;
  leave(): void;
  readonly inFlight: number;
};

const shareOf: Record<Priority, number> = { paying: 1, cancelling: 0.95, reserving: 0.9, browsing: 0.8 };

/** Returns an admission of at most `inFlightMax` requests, of which the less urgent kinds may fill only a part. */
export function createAdmission(inFlightMax: number): Admission {
  let inFlight = 0;
  return {
    enter(priority) {
      if (inFlight >= inFlightMax * shareOf[priority]) return false;
      inFlight += 1;
      return true;
    },
    leave: () => void (inFlight -= 1),
    get inFlight() {
      return inFlight;
    },
  };
}

/** Returns the refusal of a request that found no room. */
export function overloaded(): Refusal {
  return createRefusal(RefusalReason.OVERLOADED, "the system is busy", { retryAfterMs: 1_000 });
}
