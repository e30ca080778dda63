import assert from "node:assert/strict";
import type { HoldSeatsOutcome } from "../domain/decide-holds.ts";
import { holdSeatsMessage } from "./outcomes.ts";

describe("the words of a refusal", () => {
  const wordsOf = (outcome: Exclude<HoldSeatsOutcome, { kind: "hold" }>) => {
    const message = holdSeatsMessage({ outcome, area: undefined });
    return message.outcome?.case === "refusal" ? message.outcome.value.message : undefined;
  };

  it("say how many places are left, one too", () => {
    assert.deepEqual(
      [0, 1, 2].map((free) => wordsOf({ kind: "soldOut", free })),
      ["0 places are left here", "1 place is left here", "2 places are left here"],
    );
  });

  it("say how many seats are left side by side, also where no two are", () => {
    assert.deepEqual(
      [1, 2].map((longestRun) => wordsOf({ kind: "noRun", longestRun, free: 5 })),
      ["no two seats side by side are left here, 5 in all", "at most 2 seats side by side are left here, 5 in all"],
    );
  });

  it("say how many seats a customer may have, one too", () => {
    assert.deepEqual(
      [1, 4].map((limit) => wordsOf({ kind: "customerLimit", limit, owned: 1 })),
      [
        "a customer may have 1 seat of this event, this one has 1",
        "a customer may have 4 seats of this event, this one has 1",
      ],
    );
  });
});
