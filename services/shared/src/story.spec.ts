import assert from "node:assert/strict";
import { StoryKind, StoryService } from "#gen/boxoffice/common/v1/story";
import { amountText, countText, storyMessage, utcText } from "./story.ts";

describe("stories", () => {
  it("leave out a time that is not kept", () => {
    const at = new Date("2026-11-21T19:42:10.123Z");
    const kind = StoryKind.SEATS_HELD;
    const part = { id: "1", summary: "held", next: ["n"], gaps: ["g"] };
    const message = storyMessage(StoryService.INVENTORY, {
      ...part,
      told: [
        { kind, at, text: "a" },
        { kind, at: null, text: "b", ids: { hold_id: "1" } },
      ],
    });
    const service = StoryService.INVENTORY;
    assert.deepEqual(message, {
      ...part,
      entries: [
        { service, kind, text: "a", ids: {}, time: { seconds: 1_795_290_130n, nanos: 123_000_000 } },
        { service, kind, text: "b", ids: { hold_id: "1" } },
      ],
    });
  });

  it("write times, amounts and counts as people read them", () => {
    assert.equal(utcText(new Date("2026-11-21T19:42:10.123Z")), "2026-11-21 19:42:10.123 UTC");
    assert.equal(amountText({ amountMinor: 5_000, currency: "EUR" }), "EUR 50.00");
    assert.equal(amountText({ amountMinor: 5_000, currency: "JPY" }), "JPY 5000");
    assert.equal(amountText({ amountMinor: 5_001, currency: "KWD" }), "KWD 5.001");
    assert.deepEqual([countText(1, "ticket"), countText(2, "ticket")], ["1 ticket", "2 tickets"]);
  });
});
