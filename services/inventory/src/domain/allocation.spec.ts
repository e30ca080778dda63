import assert from "node:assert/strict";
import fc from "fast-check";
import { createSeatedChart, nameFromSeat, seatFromName, type SeatedChart } from "./chart.ts";
import { createSeatMap, seatLetters, seatState, setSeatState, type SeatState } from "./seat-map.ts";
import { fitSelection, type Selection } from "./selection.ts";
import { allocate, copyStock, createWorkingStock, moveStock, type WorkingStock } from "./stock.ts";

describe("allocation", () => {
  it("takes adjacent seats from the left of the best row", () => {
    const stock = stockOf("FFFF FFFF");
    assert.deepEqual(best(stock, 2), [0, 1]);
    assert.deepEqual(best(stock, 2), [2, 3]);
    assert.deepEqual(best(stock, 4), [4, 5, 6, 7]);
    assert.equal(pictureOf(stock), "HHHH HHHH");
  });

  it("passes over a run that would leave a lone seat, while another row has a clean one", () => {
    assert.deepEqual(best(stockOf("FFF FFFF"), 2), [3, 4]);
  });

  it("takes the run that fits exactly before it cuts a longer one further back", () => {
    assert.deepEqual(best(stockOf("FFSF FFFF"), 1), [3]);
  });

  it("leaves a lone seat rather than refuse", () => {
    assert.deepEqual(best(stockOf("FFF SSS"), 2), [0, 1]);
  });

  it("names the longest run where none is long enough, and takes nothing", () => {
    const stock = stockOf("FFSF SFFS");
    assert.deepEqual(allocate(stock, { kind: "best", quantity: 3, split: false }), {
      kind: "noRun",
      longestRun: 2,
      free: 5,
    });
    assert.equal(pictureOf(stock), "FFSF SFFS");
  });

  it("takes the first free seats for a split, only where no run is long enough", () => {
    assert.deepEqual(best(stockOf("FFSF SFFS"), 4, true), [0, 1, 3, 5]);
    assert.deepEqual(best(stockOf("FSFF FFFF"), 4, true), [4, 5, 6, 7]);
  });

  it("says sold out where fewer are free than asked, split or not", () => {
    for (const split of [true, false]) {
      assert.deepEqual(allocate(stockOf("FFS"), { kind: "best", quantity: 3, split }), { kind: "soldOut", free: 2 });
    }
  });

  it("gives named seats all or nothing, and names the ones that are taken", () => {
    const stock = stockOf("FHFS");
    assert.deepEqual(allocate(stock, { kind: "named", seats: [0, 1, 3], quantity: 3 }), {
      kind: "taken",
      seats: [1, 3],
    });
    assert.equal(pictureOf(stock), "FHFS");
    assert.equal(allocate(stock, { kind: "named", seats: [2, 0], quantity: 2 }).kind, "allocated");
    assert.equal(pictureOf(stock), "HHHS");
  });

  it("counts places of general admission down to none", () => {
    const stock = createWorkingStock(
      { kind: "generalAdmission", capacity: 3 },
      { free: 3, held: 0, sold: 0, blocked: 0, seatMap: createSeatMap(0) },
    );
    assert.equal(allocate(stock, { kind: "count", quantity: 2 }).kind, "allocated");
    assert.deepEqual(allocate(stock, { kind: "count", quantity: 2 }), { kind: "soldOut", free: 1 });
    moveStock(stock, { quantity: 2, seats: [], from: "held", to: "sold" });
    assert.deepEqual([stock.free, stock.held, stock.sold], [1, 0, 2]);
  });

  it("refuses to move what is not there", () => {
    const move = { quantity: 1, seats: [0], from: "held", to: "free" } as const;
    assert.throws(() => moveStock(stockOf("FH"), move), /seat 0 is not held/);
    assert.throws(() => moveStock(stockOf("FF"), move), /1 places are not held, only 0/);
    assert.throws(() => moveStock(stockOf("FH"), { ...move, seats: [] }), /0 were named/);
  });
});

describe("selection", () => {
  const chart = createSeatedChart([{ label: "A", seatCount: 3 }]);
  const named = (...seats: [string, number][]): Selection => ({
    kind: "named",
    seats: seats.map(([row, number]) => ({ row, number })),
  });

  it("names the field of an unknown row, an unknown seat and a repeated seat", () => {
    const fieldOf = (selection: Selection) => (fitSelection(chart, selection) as { field: string }).field;
    assert.equal(fieldOf(named(["A", 1], ["B", 1])), "named_seats.seats[1].row");
    assert.equal(fieldOf(named(["A", 4])), "named_seats.seats[0].number");
    assert.equal(fieldOf(named(["A", 2], ["A", 2])), "named_seats.seats[1]");
  });

  it("refuses what does not fit the kind of the area", () => {
    const field = (kind: "seated" | "ga", selection: Selection) =>
      (
        fitSelection(kind === "seated" ? chart : { kind: "generalAdmission", capacity: 9 }, selection) as {
          field: string;
        }
      ).field;
    assert.equal(field("seated", { kind: "count", quantity: 1 }), "general_admission");
    assert.equal(field("ga", { kind: "best", quantity: 1, split: false }), "best_available");
    assert.equal(field("ga", named(["A", 1])), "named_seats");
  });
});

describe("allocation, whatever the area and the commands", () => {
  it("never gives a seat twice, and its counts add up", () => {
    fc.assert(
      fc.property(pictures, commands, (picture, selections) => {
        const stock = stockOf(picture);
        const owners = new Map<number, number>();
        for (const [index, selection] of selections.entries()) {
          const before = pictureOf(stock);
          const fitted = fitSelection(stock.chart, selection);
          const allocation = fitted.kind === "invalid" ? fitted : allocate(stock, fitted);
          if (allocation.kind !== "allocated") {
            assert.equal(pictureOf(stock), before, "a refusal changed the area");
            continue;
          }
          assert.equal(allocation.seats.length, allocation.quantity);
          for (const seat of allocation.seats) {
            assert.equal(before.replaceAll(" ", "")[seat], "F", "a seat was given that was not free");
            assert.ok(!owners.has(seat));
            owners.set(seat, index);
          }
        }
        assertCounts(stock);
      }),
    );
  });

  it("gives best-available seats in one run of one row, and leaves no lone seat where the area has a cleaner place", () => {
    fc.assert(
      fc.property(pictures, fc.integer({ min: 1, max: 6 }), (picture, quantity) => {
        const stock = stockOf(picture);
        const runs = runsOf(picture);
        const allocation = allocate(stock, { kind: "best", quantity, split: false });
        const longEnough = runs.filter((run) => run.length >= quantity);
        const clean = longEnough.filter((run) => run.length !== quantity + 1);
        if (longEnough.length === 0) {
          assert.notEqual(allocation.kind, "allocated");
          return;
        }
        const [first] = clean.length > 0 ? clean : longEnough;
        const expected = Array.from({ length: quantity }, (_, index) => first!.firstSeat + index);
        assert.deepEqual(allocation, { kind: "allocated", quantity, seats: expected });
        const lonely = (text: string) => runsOf(text).filter((run) => run.length === 1).length;
        if (clean.length > 0) assert.ok(lonely(pictureOf(stock)) <= lonely(picture), "a lone seat was left behind");
      }),
    );
  });

  it("sells a split to the last seat", () => {
    fc.assert(
      fc.property(pictures, fc.integer({ min: 1, max: 20 }), (picture, quantity) => {
        const stock = stockOf(picture);
        const free = stock.free;
        const allocation = allocate(stock, { kind: "best", quantity, split: true });
        assert.equal(allocation.kind, quantity <= free ? "allocated" : "soldOut");
      }),
    );
  });

  it("gives named seats all or nothing", () => {
    fc.assert(
      fc.property(pictures, fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 8 }), (picture, wanted) => {
        const stock = stockOf(picture);
        const letters = picture.replaceAll(" ", "");
        const seats = wanted
          .map((seat) => seat % letters.length)
          .filter((seat, index, all) => all.indexOf(seat) === index);
        const taken = seats.filter((seat) => letters[seat] !== "F");
        const allocation = allocate(stock, { kind: "named", seats, quantity: seats.length });
        if (taken.length > 0) {
          assert.deepEqual(allocation, { kind: "taken", seats: taken });
          assert.equal(pictureOf(stock), picture);
        } else assert.deepEqual(allocation, { kind: "allocated", seats, quantity: seats.length });
      }),
    );
  });

  it("decides the same in one batch as in several, with seats given back in between", () => {
    fc.assert(
      fc.property(pictures, commands, fc.infiniteStream(fc.boolean()), (picture, selections, cuts) => {
        const whole = stockOf(picture);
        let parts = stockOf(picture);
        for (const selection of selections) {
          const fitted = fitSelection(whole.chart, selection);
          if (fitted.kind === "invalid") continue;
          const expected = allocate(whole, fitted);
          // A new batch starts from what was stored: the map and the counts, without what the last one remembered.
          if (cuts.next().value) parts = createWorkingStock(parts.chart, copyStock(parts));
          assert.deepEqual(allocate(parts, fitted), expected);
          if (expected.kind === "allocated" && cuts.next().value) {
            for (const stock of [whole, parts]) moveStock(stock, { ...expected, from: "held", to: "free" });
          }
        }
        assert.equal(pictureOf(parts), pictureOf(whole));
      }),
    );
  });

  it("finds every seat by its name and every name by its seat", () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const chart = chartOf(picture);
        for (let seat = 0; seat < chart.capacity; seat += 1) {
          assert.equal(seatFromName(chart, nameFromSeat(chart, seat)), seat);
        }
        assert.throws(() => nameFromSeat(chart, chart.capacity), RangeError);
      }),
    );
  });

  it("packs and unpacks every seat's state", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<SeatState>(0, 1, 2, 3), { maxLength: 50 }), (states) => {
        const map = createSeatMap(states.length);
        states.forEach((state, seat) => setSeatState(map, seat, state));
        assert.deepEqual(
          states.map((_, seat) => seatState(map, seat)),
          states,
        );
        assert.equal(seatLetters(map, states.length), states.map((state) => "FHSB"[state]).join(""));
      }),
    );
  });
});

// An area as a picture: one letter a seat, a space between rows.
const pictures = fc
  .array(
    fc
      .array(fc.constantFrom("F", "F", "F", "F", "H", "S", "B"), { minLength: 1, maxLength: 12 })
      .map((row) => row.join("")),
    { minLength: 1, maxLength: 5 },
  )
  .map((rows) => rows.join(" "));

const commands = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("best" as const), quantity: fc.integer({ min: 1, max: 6 }), split: fc.boolean() }),
    fc.record({
      kind: fc.constant("named" as const),
      seats: fc.array(fc.record({ row: fc.nat(5).map((row) => `R${row}`), number: fc.integer({ min: 1, max: 13 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  ),
  { maxLength: 20 },
);

function chartOf(picture: string): SeatedChart {
  return createSeatedChart(picture.split(" ").map((row, index) => ({ label: `R${index}`, seatCount: row.length })));
}

function stockOf(picture: string): WorkingStock {
  const chart = chartOf(picture);
  const seatMap = createSeatMap(chart.capacity);
  const counts = { F: 0, H: 0, S: 0, B: 0 };
  [...picture.replaceAll(" ", "")].forEach((letter, seat) => {
    counts[letter as keyof typeof counts] += 1;
    setSeatState(seatMap, seat, "FHSB".indexOf(letter) as SeatState);
  });
  return createWorkingStock(chart, { free: counts.F, held: counts.H, sold: counts.S, blocked: counts.B, seatMap });
}

function pictureOf({ chart, seatMap }: WorkingStock): string {
  const letters = seatLetters(seatMap, chart.capacity);
  return (chart as SeatedChart).rows.map((row) => letters.slice(row.firstSeat, row.endSeat)).join(" ");
}

function assertCounts(stock: WorkingStock): void {
  const letters = seatLetters(stock.seatMap, stock.chart.capacity);
  const countOf = (letter: string) => letters.split(letter).length - 1;
  assert.deepEqual(
    [stock.free, stock.held, stock.sold, stock.blocked],
    [countOf("F"), countOf("H"), countOf("S"), countOf("B")],
  );
}

function runsOf(picture: string): { firstSeat: number; length: number }[] {
  const rows = picture.split(" ");
  let offset = 0;
  return rows.flatMap((row) => {
    const runs = [...row.matchAll(/F+/g)].map((match) => ({
      firstSeat: offset + match.index,
      length: match[0].length,
    }));
    offset += row.length;
    return runs;
  });
}

function best(stock: WorkingStock, quantity: number, split = false): readonly number[] {
  const allocation = allocate(stock, { kind: "best", quantity, split });
  assert.equal(allocation.kind, "allocated");
  return allocation.kind === "allocated" ? allocation.seats : [];
}
