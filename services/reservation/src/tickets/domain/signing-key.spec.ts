import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { deriveSigningKey, verifyingKeyFrom } from "./signing-key.ts";

describe("the keys of codes", () => {
  it("are the same for everybody who knows the secret, and others for another secret", () => {
    const [one, same, other] = ["one secret", "one secret", "other secret"].map(deriveSigningKey);
    assert.deepEqual([one!.keyId, one!.publicKey], [same!.keyId, same!.publicKey]);
    assert.notEqual(one!.publicKey, other!.publicKey);
    assert.match(one!.keyId, /^[0-9a-f]{8}$/);
    assert.match(one!.publicKey, /^[0-9a-f]{64}$/);
  });

  it("are Ed25519 keys as RFC 8032 writes them (section 7.1, test 1)", () => {
    const publicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const signature =
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    assert.ok(verify(null, Buffer.alloc(0), verifyingKeyFrom(publicKey), Buffer.from(signature, "hex")));
  });

  it("refuses what is no key", () => {
    for (const text of ["", "00", "0".repeat(66)]) assert.throws(() => verifyingKeyFrom(text), /32 bytes/);
  });
});
