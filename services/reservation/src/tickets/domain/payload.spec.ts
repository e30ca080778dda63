import assert from "node:assert/strict";
import fc from "fast-check";
import { isSignedBy, parseCode, signTicket, uuidBytes, uuidFromBytes, type TicketPayload } from "./payload.ts";
import { deriveSigningKey, verifyingKeyFrom } from "./signing-key.ts";

const key = deriveSigningKey("a secret of the spec, 32 or more letters");
const verifier = verifyingKeyFrom(key.publicKey);
const eventId = "01890a5d-ac96-774b-bcce-b302099a8057";
const ticketId = "0f1e2d3c-4b5a-4678-8796-a5b4c3d2e1f0";

const seat = fc.record(
  { row: fc.stringMatching(/^[A-Za-z0-9 ._-]{1,16}$/), number: fc.integer({ min: 1, max: 1000 }) },
  { noNullPrototype: true },
);
const payload: fc.Arbitrary<TicketPayload> = fc.record(
  {
    keyId: fc.constant(key.keyId),
    eventId: fc.uuid(),
    ticketId: fc.uuid(),
    epoch: fc.integer({ min: 1, max: 65_535 }),
    areaId: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
    seat: fc.option(seat, { nil: undefined }),
  },
  { noNullPrototype: true },
);

describe("a ticket's code", () => {
  it("has the bytes that its description says", () => {
    const code = signTicket(
      { keyId: "0a0b0c0d", eventId, ticketId, epoch: 3, areaId: "stalls", seat: { row: "AB", number: 258 } },
      key.privateKey,
    );
    const bytes = Buffer.from(code, "base64url");
    assert.equal(
      bytes.subarray(0, -64).toString("hex"),
      ["01", "0a0b0c0d", "01890a5dac96774bbcceb302099a8057", "0f1e2d3c4b5a46788796a5b4c3d2e1f0", "0003"].join("") +
        ["06", "7374616c6c73", "02", "4142", "0102"].join(""),
    );
    assert.equal(bytes.length, 51 + 64);
  });

  it("says what was put in, and is signed by the key that signed it", () => {
    fc.assert(
      fc.property(payload, (each) => {
        const signed = parseCode(signTicket(each, key.privateKey));
        assert.deepEqual(signed?.payload, each);
        assert.ok(isSignedBy(signed!, verifier));
      }),
    );
  });

  it("is the same whenever it is made, and short enough for a small QR code", () => {
    fc.assert(
      fc.property(payload, (each) => {
        const code = signTicket(each, key.privateKey);
        assert.equal(signTicket(each, key.privateKey), code);
        assert.ok(code.length <= 207, `${code.length} characters`);
      }),
    );
  });

  it("is not signed by another key", () => {
    const other = verifyingKeyFrom(deriveSigningKey("another secret of 32 letters or more").publicKey);
    fc.assert(
      fc.property(payload, (each) => !isSignedBy(parseCode(signTicket(each, key.privateKey))!, other)),
      { numRuns: 20 },
    );
  });

  it("is worth nothing once a single bit of it is changed", () => {
    fc.assert(
      fc.property(payload, fc.nat(), (each, at) => {
        const bytes = Buffer.from(signTicket(each, key.privateKey), "base64url");
        const bit = at % (8 * bytes.length);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const signed = parseCode(bytes.toString("base64url"));
        assert.ok(signed === undefined || !isSignedBy(signed, verifier));
      }),
    );
  });

  it("is no code with a byte too few or too many, in another spelling, or of another version", () => {
    fc.assert(
      fc.property(payload, fc.nat(), (each, length) => {
        const code = signTicket(each, key.privateKey);
        const bytes = Buffer.from(code, "base64url");
        const cut = parseCode(bytes.subarray(0, length % bytes.length).toString("base64url"));
        assert.ok(cut === undefined || !isSignedBy(cut, verifier));
        const longer = parseCode(Buffer.concat([bytes, Buffer.of(0)]).toString("base64url"));
        assert.ok(longer === undefined || !isSignedBy(longer, verifier));
        for (const spelling of [`${code}=`, ` ${code}`, `${code}\n`, `${code}!`]) {
          assert.equal(parseCode(spelling), undefined);
        }
        bytes[0] = 2;
        assert.equal(parseCode(bytes.toString("base64url")), undefined);
      }),
    );
  });

  it("is read from any text without throwing", () => {
    fc.assert(fc.property(fc.string({ maxLength: 400 }), (text) => void parseCode(text)));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (bytes) => void parseCode(Buffer.from(bytes).toString("base64url")),
      ),
    );
  });

  it("writes a UUID as its 16 bytes", () => {
    fc.assert(fc.property(fc.uuid(), (id) => uuidFromBytes(uuidBytes(id)) === id && uuidBytes(id).length === 16));
  });
});
