import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { StoryEntrySchema, StoryKind, StoryService, type StoryEntry } from "#stubs";
import { mergeEntries } from "./merge-stories.ts";

const { INVENTORY, RESERVATION, PAYMENT } = StoryService;

const entry = (service: StoryService, kind: StoryKind, timeMs?: number): StoryEntry =>
  create(StoryEntrySchema, { service, kind, ...(timeMs === undefined ? {} : { time: timestampFromMs(timeMs) }) });
const kindsOf = (entries: readonly StoryEntry[]) => entries.map(({ kind }) => StoryKind[kind]);

describe("merging stories", () => {
  it("goes by time, and puts the cause before the effect where the time is the same", () => {
    const merged = mergeEntries([
      { entries: [entry(PAYMENT, StoryKind.PAYMENT_REQUESTED, 20), entry(PAYMENT, StoryKind.PAYMENT_AUTHORIZED, 30)] },
      {
        entries: [
          entry(RESERVATION, StoryKind.RESERVATION_CREATED, 10),
          entry(RESERVATION, StoryKind.CHECKOUT_STARTED, 20),
        ],
      },
      { entries: [entry(INVENTORY, StoryKind.SEATS_HELD, 10), entry(INVENTORY, StoryKind.SEATS_SOLD, 30)] },
    ]);
    assert.deepEqual(kindsOf(merged), [
      "SEATS_HELD",
      "RESERVATION_CREATED",
      "CHECKOUT_STARTED",
      "PAYMENT_REQUESTED",
      "PAYMENT_AUTHORIZED",
      "SEATS_SOLD",
    ]);
  });

  it("puts what has no time where its kind belongs", () => {
    const merged = mergeEntries([
      { entries: [entry(INVENTORY, StoryKind.SEATS_HELD, 10), entry(INVENTORY, StoryKind.SEATS_SOLD)] },
      {
        entries: [
          entry(RESERVATION, StoryKind.RESERVATION_CREATED, 11),
          entry(RESERVATION, StoryKind.CHECKOUT_STARTED, 20),
          entry(RESERVATION, StoryKind.CHECKOUT_ENDED),
          entry(RESERVATION, StoryKind.RESERVATION_CONFIRMED, 40),
        ],
      },
      {
        entries: [
          entry(PAYMENT, StoryKind.PAYMENT_REQUESTED, 21),
          entry(PAYMENT, StoryKind.PAYMENT_AUTHORIZED),
          entry(PAYMENT, StoryKind.PAYMENT_CAPTURED, 39),
        ],
      },
    ]);
    assert.deepEqual(kindsOf(merged), [
      "SEATS_HELD",
      "RESERVATION_CREATED",
      "CHECKOUT_STARTED",
      "PAYMENT_REQUESTED",
      "PAYMENT_AUTHORIZED",
      "SEATS_SOLD",
      "PAYMENT_CAPTURED",
      "CHECKOUT_ENDED",
      "RESERVATION_CONFIRMED",
    ]);
  });

  it("lets no entry without a time hold up a second attempt", () => {
    const merged = mergeEntries([
      {
        entries: [
          entry(RESERVATION, StoryKind.CHECKOUT_STARTED, 10),
          entry(RESERVATION, StoryKind.CHECKOUT_ENDED),
          entry(RESERVATION, StoryKind.CHECKOUT_STARTED, 30),
        ],
      },
      { entries: [entry(PAYMENT, StoryKind.PAYMENT_REQUESTED, 11), entry(PAYMENT, StoryKind.PAYMENT_DECLINED, 20)] },
      { entries: [entry(PAYMENT, StoryKind.PAYMENT_REQUESTED, 31)] },
    ]);
    assert.deepEqual(kindsOf(merged), [
      "CHECKOUT_STARTED",
      "PAYMENT_REQUESTED",
      "PAYMENT_DECLINED",
      "CHECKOUT_ENDED",
      "CHECKOUT_STARTED",
      "PAYMENT_REQUESTED",
    ]);
  });

  const kinds = Object.values(StoryKind).filter((kind): kind is StoryKind => typeof kind === "number" && kind > 0);
  const toldIn = fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      timeMs: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
    }),
    { maxLength: 8 },
  );
  const storiesOf = (lists: { kind: StoryKind; timeMs: number | undefined }[][]) =>
    lists.map((list) => ({ entries: list.map(({ kind, timeMs }) => entry(INVENTORY, kind, timeMs)) }));

  it("loses nothing and keeps the order of each story, whatever is told", () => {
    fc.assert(
      fc.property(fc.array(toldIn, { maxLength: 4 }), (lists) => {
        const stories = storiesOf(lists);
        const merged = mergeEntries(stories);
        assert.equal(merged.length, stories.flatMap(({ entries }) => entries).length);
        for (const { entries } of stories) {
          assert.deepEqual(
            merged.filter((each) => entries.includes(each)),
            entries,
          );
        }
      }),
    );
  });

  it("is in the order of time where every entry has one and each story is in order", () => {
    const ordered = toldIn.map((list) =>
      list.map((each) => ({ ...each, timeMs: each.timeMs ?? 0 })).sort((a, b) => a.timeMs - b.timeMs),
    );
    fc.assert(
      fc.property(fc.array(ordered, { maxLength: 4 }), (lists) => {
        const times = mergeEntries(storiesOf(lists)).map(({ time }) => timestampMs(time!));
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
      }),
    );
  });
});
