import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeRevocations, parseRevocations } from "./revocation-list.ts";

describe("the list of revocations", () => {
  it("has 18 bytes an entry and gives back what was put in", () => {
    const entry = fc.record(
      { ticketId: fc.uuid(), epoch: fc.integer({ min: 1, max: 65_535 }) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 50 }), (entries) => {
        const bytes = encodeRevocations(entries);
        assert.equal(bytes.length, 18 * entries.length);
        assert.deepEqual(parseRevocations(bytes), entries);
      }),
    );
  });

  it("has the bytes that its description says", () => {
    const bytes = encodeRevocations([{ ticketId: "0f1e2d3c-4b5a-4678-8796-a5b4c3d2e1f0", epoch: 258 }]);
    assert.equal(bytes.toString("hex"), "0f1e2d3c4b5a46788796a5b4c3d2e1f00102");
  });

  it("refuses bytes that are cut short", () => {
    assert.throws(() => parseRevocations(new Uint8Array(17)), RangeError);
  });
});
