import assert from "node:assert/strict";
import { isUnknown, retryAfterMs } from "./retry.ts";

const body = (text: string) => Buffer.from(text);

describe("asking again", () => {
  it("waits as long as the answer says", () => {
    assert.equal(retryAfterMs("OVERLOADED", body('{"details":[{"debug":{"retryDelay":"0.250s"}}]}')), 250);
    assert.equal(retryAfterMs("IN_PROGRESS", body('{"details":[{"debug":{"retryDelay":"1s"}}]}')), 1_000);
  });

  it("waits a second where a busy answer does not say", () => {
    assert.equal(retryAfterMs("RATE_LIMITED", body("{}")), 1_000);
  });

  it("comes soon after an outcome that nobody knows", () => {
    for (const answer of ["http_503", "http_504", "broken"]) {
      assert.ok(isUnknown(answer));
      assert.equal(retryAfterMs(answer, body("")), 100);
    }
  });

  it("takes every other answer as final", () => {
    for (const answer of ["held", "SOLD_OUT", "http_400", "CUSTOMER_LIMIT"]) {
      assert.ok(!isUnknown(answer));
      assert.equal(retryAfterMs(answer, body("{}")), undefined);
    }
  });
});
