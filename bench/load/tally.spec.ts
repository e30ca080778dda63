import assert from "node:assert/strict";
import { answerName, createTally } from "./tally.ts";

describe("a tally", () => {
  it("counts answers by kind, with latencies in milliseconds", () => {
    const tally = createTally();
    for (let ms = 1; ms <= 100; ms += 1) tally.add("held", ms * 1_000, ms);
    tally.add("SOLD_OUT", 500_000, 150);
    assert.deepEqual(tally.counts(), { held: 100, SOLD_OUT: 1 });
    const { p50, p99, max } = tally.latency("held")!;
    assert.ok(Math.abs(p50 - 50) < 0.5 && Math.abs(p99 - 99) < 0.5 && Math.abs(max - 100) < 0.5);
    assert.ok(Math.abs(tally.overall()!.max - 500) < 1);
    assert.equal(tally.latency("broken"), undefined);
  });

  it("says when they came, a bucket for each tenth of a second", () => {
    const tally = createTally();
    for (const atMs of [0, 99, 100, 350]) tally.add("held", 1, atMs);
    assert.deepEqual(tally.timeline(), { bucketMs: 100, counts: { held: [2, 1, 0, 1] } });
  });

  it("has no latency of nothing", () => assert.equal(createTally().overall(), undefined));
});

describe("an answer's name", () => {
  it("is what a 200 is called, a refusal's reason, or the status", () => {
    const refusal = Buffer.from('{"code":"failed_precondition","details":[{"debug":{"reason":"SOLD_OUT"}}]}');
    const of = { okName: "held", request: { id: "a1", success: "HELD" } };
    assert.equal(answerName(200, Buffer.from('{"id":"a1","state":"HELD"}'), of), "held");
    assert.equal(answerName(400, refusal, of), "SOLD_OUT");
    assert.equal(answerName(503, Buffer.from("{}"), of), "http_503");
    assert.equal(answerName(0, Buffer.alloc(0), of), "broken");
    for (const other of ['{"id":"b2","state":"HELD"}', '{"id":"a1","state":"EXPIRED"}', ""]) {
      assert.equal(answerName(200, Buffer.from(other), of), "mismatched");
    }
  });
});
