// Outcomes of commands as messages: the hold as it stands, or a refusal.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { RefusalReason, type Refusal } from "#stubs";
import type { HoldOutcomeSchema } from "#gen/boxoffice/inventory/v1/inventory";
import { assertNever } from "#shared/assert-never";
import { createRefusal } from "#shared/refusal";
import { countText } from "#shared/story";
import { refuseFields } from "#shared/validate";
import type { Area } from "../domain/area.ts";
import type { HoldSeatsOutcome } from "../domain/decide-holds.ts";
import type { HoldDecision } from "../domain/hold.ts";
import { seatWord } from "../domain/selection.ts";
import { holdMessage } from "./messages.ts";

/** The outcome of one item of a batch. */
export type OutcomeMessage = MessageInitShape<typeof HoldOutcomeSchema>;

/** What a command came to, with the area of its hold. */
export type Answer<Outcome> = { outcome: Outcome; area: Area | undefined };

/** Returns the message for a command to hold seats. */
export function holdSeatsMessage({ outcome, area }: Answer<HoldSeatsOutcome>): OutcomeMessage {
  return outcome.kind === "hold" ? held(outcome.hold, area) : refused(refusalOfHoldSeats(outcome));
}

/** Returns the message for a command about a hold. */
export function decisionMessage({ outcome, area }: Answer<HoldDecision>): OutcomeMessage {
  switch (outcome.kind) {
    case "hold":
      return held(outcome.hold, area);
    case "notFound":
      return refused(createRefusal(RefusalReason.NOT_FOUND, "there is no such hold"));
    case "invalid":
      return refused(refuseFields([outcome]));
    case "lapsed":
      return refused(createRefusal(RefusalReason.HOLD_EXPIRED, "the hold has ended"));
    case "wrongState": {
      const state = outcome.state.toUpperCase();
      const metadata = { state };
      return refused(createRefusal(RefusalReason.WRONG_STATE, `the hold is ${state} already`, { metadata }));
    }
    default:
      return assertNever(outcome);
  }
}

/** Returns the outcome of an item that was refused. */
export function refused(refusal: Refusal): OutcomeMessage {
  return { outcome: { case: "refusal", value: refusal } };
}

function held(hold: Parameters<typeof holdMessage>[0], area: Area | undefined): OutcomeMessage {
  if (!area) throw new Error(`the area of hold ${hold.holdId} is not known`);
  return { outcome: { case: "hold", value: holdMessage(hold, area) } };
}

function refusalOfHoldSeats(outcome: Exclude<HoldSeatsOutcome, { kind: "hold" }>): Refusal {
  switch (outcome.kind) {
    case "keyReused":
      return createRefusal(RefusalReason.IDEMPOTENCY_KEY_REUSED, "this key was used for a different hold");
    case "notFound":
      return createRefusal(RefusalReason.NOT_FOUND, "there is no such event or area on sale");
    case "saleNotOpen": {
      const metadata = { sale_start_time: outcome.saleStartTime.toISOString() };
      return createRefusal(RefusalReason.SALE_NOT_OPEN, `the sale opens at ${metadata.sale_start_time}`, { metadata });
    }
    case "saleClosed":
      return createRefusal(RefusalReason.SALE_CLOSED, "the sale is over");
    case "invalid":
      return refuseFields([outcome]);
    case "customerLimit": {
      const metadata = { limit: String(outcome.limit), owned: String(outcome.owned) };
      const message = `a customer may have ${countText(outcome.limit, "seat")} of this event, this one has ${outcome.owned}`;
      return createRefusal(RefusalReason.CUSTOMER_LIMIT, message, { metadata });
    }
    case "soldOut": {
      const metadata = { free: String(outcome.free) };
      const message = outcome.free === 1 ? "1 place is left here" : `${outcome.free} places are left here`;
      return createRefusal(RefusalReason.SOLD_OUT, message, { metadata });
    }
    case "noRun": {
      const metadata = { longest_run: String(outcome.longestRun), free: String(outcome.free) };
      const run =
        outcome.longestRun === 1 ? "no two seats side by side" : `at most ${outcome.longestRun} seats side by side`;
      const message = `${run} are left here, ${outcome.free} in all`;
      return createRefusal(RefusalReason.SEATS_UNAVAILABLE, message, { metadata });
    }
    case "seatsTaken": {
      const seats = outcome.seats.map(seatWord).join(",");
      return createRefusal(RefusalReason.SEATS_UNAVAILABLE, `taken: ${seats}`, { metadata: { seats } });
    }
    default:
      return assertNever(outcome);
  }
}
