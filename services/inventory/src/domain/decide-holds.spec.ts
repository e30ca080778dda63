import assert from "node:assert/strict";
import fc from "fast-check";
import { areaKey, type Area } from "./area.ts";
import { createSeatedChart } from "./chart.ts";
import { decideHolds, type HoldCommand, type HoldsContext } from "./decide-holds.ts";
import { holdKey, type Hold } from "./hold.ts";
import { createSeatMap } from "./seat-map.ts";
import { selectionWords, type Selection } from "./selection.ts";
import { createWorkingStock } from "./stock.ts";

const now = new Date(Date.UTC(2030, 0, 1));
const areas = ["a", "b"].map((areaId): Area => ({
  eventId: "event",
  areaId,
  chart: createSeatedChart([
    { label: "A", seatCount: 5 },
    { label: "B", seatCount: 5 },
  ]),
  priceMinor: 100,
  currencyCode: "EUR",
  terms: {
    published: true,
    saleStartTime: now,
    saleEndTime: new Date(now.getTime() + 1),
    customerLimit: 6,
    holdTtlMs: 600_000,
  },
}));

describe("deciding holds", () => {
  it("lets the sale run from its first moment to its last, and no longer", () => {
    const kindAt = (ms: number) => {
      const context = contextOf([]);
      return decideHolds([command({})], { ...context, now: new Date(now.getTime() + ms) }).outcomes[0]!.kind;
    };
    assert.deepEqual([kindAt(-1), kindAt(0), kindAt(1)], ["saleNotOpen", "hold", "saleClosed"]);
  });

  it("asks for the limit before it looks for seats, and for a fitting selection before the limit", () => {
    const kinds = decideHolds(
      [
        command({ selection: { kind: "count", quantity: 50 } }),
        command({ holdId: "2", selection: { kind: "best", quantity: 7, split: false } }),
        command({ holdId: "3", selection: { kind: "best", quantity: 6, split: false } }),
      ],
      contextOf([]),
    ).outcomes.map(({ kind }) => kind);
    assert.deepEqual(kinds, ["invalid", "customerLimit", "noRun"]);
  });

  it("answers a known key even when the sale is over", () => {
    const context = contextOf([]);
    const { made } = decideHolds([command({})], context);
    const later = { ...contextOf(made), now: new Date(now.getTime() + 1_000) };
    assert.deepEqual(decideHolds([command({})], later).outcomes, [{ kind: "hold", hold: made[0] }]);
  });

  describe("in place of a hold that lapsed, after the sale's end", () => {
    const selection: Selection = { kind: "named", seats: [1, 2].map((number) => ({ row: "A", number })) };
    const late = new Date(now.getTime() + 600_000);
    const again = { holdId: "2", replacesHoldId: "1", selection };
    const kindOf = (changes: Partial<HoldCommand>, before: Partial<Hold> = {}) => {
      const [made] = decideHolds([command({ selection })], contextOf([])).made;
      const lapsed = { ...made!, ...before };
      const context = { ...contextOf([]), now: late, known: new Map([[holdKey(lapsed), lapsed]]) };
      return decideHolds([command({ ...again, ...changes })], context).outcomes[0]!.kind;
    };

    it("gives the very same seats, swept or not, in whatever order they are named", () => {
      assert.equal(kindOf({}), "hold");
      assert.equal(kindOf({}, { state: "expired" }), "hold");
      assert.equal(kindOf({ selection: { ...selection, seats: selection.seats.toReversed() } }), "hold");
    });

    it("gives nothing else, and nothing to anybody else", () => {
      const others: Partial<HoldCommand>[] = [
        { replacesHoldId: undefined },
        { replacesHoldId: "unknown" },
        { customerId: "another" },
        { areaId: "b" },
        { selection: { kind: "named", seats: [{ row: "A", number: 1 }] } },
        { selection: { kind: "named", seats: [1, 3].map((number) => ({ row: "A", number })) } },
        { selection: { kind: "named", seats: [1, 1].map((number) => ({ row: "A", number })) } },
        { selection: { kind: "best", quantity: 2, split: false } },
        { selection: { kind: "count", quantity: 2 } },
      ];
      for (const changes of others) assert.equal(kindOf(changes), "saleClosed", JSON.stringify(changes));
    });

    it("gives nothing where the hold did not lapse, or was itself made after the sale", () => {
      for (const state of ["confirmed", "released", "refunded"] as const)
        assert.equal(kindOf({}, { state }), "saleClosed");
      assert.equal(kindOf({}, { expiresAt: new Date(late.getTime() + 1) }), "saleClosed");
      assert.equal(kindOf({}, { createdAt: new Date(now.getTime() + 1) }), "saleClosed");
    });

    it("counts the customer's limit as for everybody", () => {
      const [lapsed] = decideHolds([command({ selection })], contextOf([])).made;
      const context = { ...contextOf([]), now: late, known: new Map([[holdKey(lapsed!), lapsed!]]) };
      context.owned.set("event/customer", 5);
      assert.equal(decideHolds([command(again)], context).outcomes[0]!.kind, "customerLimit");
    });
  });

  it("names areas that run short while some of their seats are held", () => {
    const big: Selection = { kind: "best", quantity: 6, split: true };
    const commands = [
      command({ selection: big }),
      command({ holdId: "2", customerId: "other", selection: big }),
      command({
        holdId: "3",
        customerId: "third",
        areaId: "b",
        selection: { kind: "best", quantity: 6, split: false },
      }),
    ];
    assert.deepEqual(
      decideHolds(commands, contextOf([])).short.map(({ areaId }) => areaId),
      ["a"],
    );
  });

  it("decides the same in one batch as in several", () => {
    const selections: fc.Arbitrary<Selection> = fc.oneof(
      fc.record({ kind: fc.constant("best" as const), quantity: fc.integer({ min: 1, max: 4 }), split: fc.boolean() }),
      fc.record({
        kind: fc.constant("named" as const),
        seats: fc.array(fc.record({ row: fc.constantFrom("A", "B"), number: fc.integer({ min: 1, max: 6 }) }), {
          minLength: 1,
          maxLength: 3,
        }),
      }),
    );
    const commands = fc.array(
      fc
        .record({
          holdId: fc.constantFrom("1", "2", "3", "4", "5", "6", "7", "8"),
          customerId: fc.constantFrom("x", "y", "z"),
          areaId: fc.constantFrom("a", "b", "unknown"),
          selection: selections,
        })
        .map(command),
      { maxLength: 24 },
    );
    fc.assert(
      fc.property(commands, fc.nat(24), (all, cut) => {
        const whole = decideHolds(all, contextOf([]));
        const first = decideHolds(all.slice(0, cut), contextOf([]));
        const second = decideHolds(all.slice(cut), contextOf(first.made));
        assert.deepEqual([...first.outcomes, ...second.outcomes], whole.outcomes);
        assert.deepEqual([...first.made, ...second.made], whole.made);
      }),
    );
  });
});

function command(changes: Partial<HoldCommand>): HoldCommand {
  const selection = changes.selection ?? { kind: "best", quantity: 1, split: false };
  return {
    eventId: "event",
    holdId: "1",
    customerId: "customer",
    areaId: "a",
    ...changes,
    selection,
    words: selectionWords(selection),
  };
}

// What a batch would read from the database after these holds were made.
function contextOf(made: readonly Hold[]): HoldsContext {
  const stocks = new Map(
    areas.map((area) => {
      const seatMap = createSeatMap(10);
      const stock = createWorkingStock(area.chart, { free: 10, held: 0, sold: 0, blocked: 0, seatMap });
      for (const hold of made.filter(({ areaId }) => areaId === area.areaId)) {
        for (const seat of hold.seats) seatMap[seat >> 2]! |= 1 << ((seat & 3) << 1);
        stock.free -= hold.quantity;
        stock.held += hold.quantity;
      }
      return [areaKey(area), stock];
    }),
  );
  const owned = new Map<string, number>();
  for (const { eventId, customerId, quantity } of made) {
    owned.set(`${eventId}/${customerId}`, (owned.get(`${eventId}/${customerId}`) ?? 0) + quantity);
  }
  return {
    now,
    areas: new Map(areas.map((area) => [areaKey(area), area])),
    stocks,
    known: new Map(made.map((hold) => [holdKey(hold), hold])),
    owned,
  };
}
