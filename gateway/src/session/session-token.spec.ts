import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { createMac } from "./session-token.ts";

describe("the MAC of session tokens", () => {
  it("is HMAC-SHA256, whatever the secret and the text", () => {
    const texts = fc.oneof(fc.string({ maxLength: 1_024 }), fc.string({ unit: "binary", maxLength: 500 }));
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.array(texts, { minLength: 1, maxLength: 4 }), (secret, several) => {
        const mac = createMac(secret);
        for (const text of several) {
          assert.equal(mac(text), createHmac("sha256", secret).update(text).digest("base64url"));
        }
      }),
    );
  });

  it("is the one of RFC 4231, test case 2", () => {
    const expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert.equal(createMac("Jefe")("what do ya want for nothing?"), Buffer.from(expected, "hex").toString("base64url"));
  });
});
