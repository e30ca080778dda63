import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { RefusalReason } from "#stubs";
import { CreateCommandSchema, ReservationOutcomeSchema } from "#gen/boxoffice/reservation/v1/reservation";
import { held, refused, wish } from "../../test/messages.ts";
import { createSoldOutNotes, notesMax } from "./sold-out-notes.ts";

const best = (quantity: number, changed: { areaId?: string; eventId?: string } = {}) =>
  create(CreateCommandSchema, { ...wish, ...changed, selection: { case: "bestAvailable", value: { quantity } } });
const count = (quantity: number) =>
  create(CreateCommandSchema, { ...wish, selection: { case: "generalAdmission", value: { quantity } } });
const named = create(CreateCommandSchema, {
  ...wish,
  selection: { case: "namedSeats", value: { seats: [{ row: "A", number: 1 }] } },
});
const outcomeOf = (outcome: ReturnType<typeof held> | ReturnType<typeof refused>) =>
  create(ReservationOutcomeSchema, outcome).outcome;
const soldOut = outcomeOf(refused(RefusalReason.SOLD_OUT, { metadata: { free: "1" } }, "1 place is left here"));

describe("sold-out notes", () => {
  it("repeat what reservation said, to whoever wants as many seats of the area or more", () => {
    const notes = createSoldOutNotes(500);
    notes.learn(best(2), soldOut, 1_000);
    for (const quantity of [2, 3, 50]) {
      assert.deepEqual(notes.refusalOf(best(quantity), 1_100), soldOut.value);
    }
    assert.equal(notes.refusalOf(best(1), 1_100), undefined);
    assert.equal(notes.answered, 3);
  });

  it("say nothing of other areas, other events and other ways to choose", () => {
    const notes = createSoldOutNotes(500);
    notes.learn(best(1), soldOut, 1_000);
    for (const other of [best(9, { areaId: "floor" }), best(9, { eventId: wish.reservationId }), count(9), named]) {
      assert.equal(notes.refusalOf(other, 1_000), undefined);
    }
  });

  it("are never taken of named seats, of other refusals, nor of what was held", () => {
    const notes = createSoldOutNotes(500);
    notes.learn(named, soldOut, 1_000);
    notes.learn(best(1), outcomeOf(refused(RefusalReason.SEATS_UNAVAILABLE)), 1_000);
    notes.learn(best(1), outcomeOf(refused(RefusalReason.CUSTOMER_LIMIT)), 1_000);
    notes.learn(best(1), outcomeOf(held()), 1_000);
    for (const each of [named, best(50)]) assert.equal(notes.refusalOf(each, 1_000), undefined);
  });

  it("last from when the question was sent, not from the answer", () => {
    const notes = createSoldOutNotes(500);
    notes.learn(best(1), soldOut, 1_000);
    assert.ok(notes.refusalOf(best(2), 1_499));
    assert.equal(notes.refusalOf(best(1), 1_500), undefined);
    notes.learn(best(1), soldOut, 2_000);
    notes.learn(best(1), soldOut, 1_900);
    assert.ok(notes.refusalOf(best(2), 2_499), "an older answer that comes later changes nothing");
  });

  it("send one who wants the same to ask again in their second half, so that the next note is there when they end", () => {
    const notes = createSoldOutNotes(500);
    notes.learn(best(1), soldOut, 1_000);
    assert.ok(notes.refusalOf(best(1), 1_250));
    assert.ok(notes.refusalOf(best(2), 1_300), "an answer about more seats would not tell of one");
    assert.equal(notes.refusalOf(best(1), 1_300), undefined);
    assert.ok(notes.refusalOf(best(1), 1_300));
    notes.learn(best(1), soldOut, 1_300);
    assert.ok(notes.refusalOf(best(1), 1_510));
  });

  it("of fewer seats stand before those of more, as long as they last", () => {
    const notes = createSoldOutNotes(500);
    notes.learn(best(1), soldOut, 1_000);
    notes.learn(best(5), soldOut, 1_200);
    assert.ok(notes.refusalOf(best(1), 1_200));
    notes.learn(best(5), soldOut, 1_600);
    assert.equal(notes.refusalOf(best(1), 1_700), undefined);
    assert.ok(notes.refusalOf(best(5), 1_700));
    notes.learn(best(2), soldOut, 1_650);
    assert.ok(notes.refusalOf(best(2), 1_700));
  });

  it("are bounded in number: the oldest is forgotten", () => {
    const notes = createSoldOutNotes(500);
    for (let index = 0; index <= notesMax; index++) notes.learn(best(1, { areaId: `a${index}` }), soldOut, 1_000);
    assert.equal(notes.refusalOf(best(1, { areaId: "a0" }), 1_000), undefined);
    assert.ok(notes.refusalOf(best(1, { areaId: "a1" }), 1_000));
    assert.ok(notes.refusalOf(best(1, { areaId: `a${notesMax}` }), 1_000));
  });

  it("are not kept where they last 0", () => {
    const notes = createSoldOutNotes(0);
    notes.learn(best(1), soldOut, 1_000);
    assert.equal(notes.refusalOf(best(1), 1_000), undefined);
  });
});
