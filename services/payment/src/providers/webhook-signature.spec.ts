import assert from "node:assert/strict";
import * as fc from "fast-check";
import { isWebhookSigned, signWebhook } from "./webhook-signature.ts";

const secret = "secret";
const nowMs = 1_800_000_000_000;
const body = Buffer.from('{"id":"evt_1"}');

describe("webhook signature", () => {
  it("holds for the very body, secret and time that it was made for", () => {
    const header = signWebhook(body, { secret, atMs: nowMs });
    assert.ok(isWebhookSigned(body, header, { secret, nowMs }));
    assert.ok(!isWebhookSigned(body, header, { secret: "other", nowMs }));
    assert.ok(!isWebhookSigned(Buffer.concat([body, Buffer.from(" ")]), header, { secret, nowMs }));
    const later = header.replace(/t=(\d+)/, (_, seconds) => `t=${Number(seconds) + 1}`);
    assert.ok(!isWebhookSigned(body, later, { secret, nowMs }));
  });

  it("is good for 300 seconds, either way", () => {
    const header = signWebhook(body, { secret, atMs: nowMs });
    for (const [seconds, isGood] of [
      [-301, false],
      [-300, true],
      [300, true],
      [301, false],
    ] as const) {
      assert.equal(isWebhookSigned(body, header, { secret, nowMs: nowMs + seconds * 1000 }), isGood, String(seconds));
    }
  });

  it("may stand among those of other secrets", () => {
    const [time, mac] = signWebhook(body, { secret, atMs: nowMs }).split(",");
    assert.ok(isWebhookSigned(body, `${time},v1=00ff,v0=junk,${mac}`, { secret, nowMs }));
  });

  it("is never seen in nonsense", () => {
    fc.assert(fc.property(fc.string(), (header) => !isWebhookSigned(body, header, { secret, nowMs })));
    for (const header of ["", "t=", "t=NaN,v1=", `t=${nowMs / 1000}`, `t=${nowMs / 1000},v1=`]) {
      assert.ok(!isWebhookSigned(body, header, { secret, nowMs }), header);
    }
  });
});
