import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeSeats, parseSeats } from "./seats.ts";

describe("seats as text", () => {
  it("names a row once for seats beside each other", () => {
    assert.equal(
      encodeSeats([
        { row: "A", number: 1 },
        { row: "A", number: 2 },
        { row: "12", number: 7 },
      ]),
      "A:1,2;12:7",
    );
  });

  it("is empty without seats", () => {
    assert.equal(encodeSeats([]), "");
    assert.deepEqual(parseSeats(""), []);
  });

  it("gives back any seats in their order", () => {
    const seat = fc.record(
      {
        row: fc.stringMatching(/^[A-Za-z0-9 ._-]{1,16}$/),
        number: fc.integer({ min: 1, max: 1000 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(seat, { maxLength: 50 }), (seats) =>
        assert.deepEqual(parseSeats(encodeSeats(seats)), seats),
      ),
    );
  });
});
