import assert from "node:assert/strict";
import * as fc from "fast-check";
import { signatureFault, signWebhook } from "./webhook-signature.ts";

const secret = "secret";
const nowMs = 1_800_000_000_000;
const body = Buffer.from('{"id":"evt_1"}');

describe("webhook signature", () => {
  it("holds for the very body, secret and time that it was made for", () => {
    const header = signWebhook(body, { secret, atMs: nowMs });
    assert.equal(signatureFault(body, header, { secret, nowMs }), undefined);
    assert.equal(signatureFault(body, header, { secret: "other", nowMs }), "wrong");
    assert.equal(signatureFault(Buffer.concat([body, Buffer.from(" ")]), header, { secret, nowMs }), "wrong");
    const later = header.replace(/t=(\d+)/, (_, seconds) => `t=${Number(seconds) + 1}`);
    assert.equal(signatureFault(body, later, { secret, nowMs }), "wrong");
  });

  it("is good for 300 seconds, either way", () => {
    const header = signWebhook(body, { secret, atMs: nowMs });
    for (const [seconds, fault] of [
      [-301, "stale"],
      [-300, undefined],
      [300, undefined],
      [301, "stale"],
    ] as const) {
      assert.equal(signatureFault(body, header, { secret, nowMs: nowMs + seconds * 1000 }), fault, String(seconds));
    }
  });

  it("may stand among those of other secrets", () => {
    const [time, mac] = signWebhook(body, { secret, atMs: nowMs }).split(",");
    assert.equal(signatureFault(body, `${time},v1=00ff,v0=junk,${mac}`, { secret, nowMs }), undefined);
  });

  it("is never seen in nonsense", () => {
    fc.assert(fc.property(fc.string(), (header) => signatureFault(body, header, { secret, nowMs }) !== undefined));
    assert.equal(signatureFault(body, "", { secret, nowMs }), "missing");
    for (const header of ["v1=00ff", "t=NaN,v1="]) {
      assert.equal(signatureFault(body, header, { secret, nowMs }), "malformed", header);
    }
    for (const header of ["t=", `t=${nowMs / 1000}`, `t=${nowMs / 1000},v1=`]) {
      assert.equal(signatureFault(body, header, { secret, nowMs }), "wrong", header);
    }
  });
});
