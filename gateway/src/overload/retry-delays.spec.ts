import assert from "node:assert/strict";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details";
import { overloadErrors } from "./overload-errors.ts";
import { createRetryDelays, retryDelaysMs } from "./retry-delays.ts";

describe("retry delays", () => {
  // Refuses so many for each that is answered, for three seconds; returns the delays of the last.
  function delaysAt(refused: number, answered: number): number[] {
    const delays = createRetryDelays();
    let last: number[] = [];
    for (let tick = 0; tick < 30; tick++) {
      last = Array.from({ length: refused }, () => retryDelaysMs[delays.next()]!);
      delays.tick(answered);
    }
    return last;
  }
  const meanOf = (values: number[]) => Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);

  it("are short while few are refused, and as long as the backlog takes while many are", () => {
    const means = [40, 96, 200, 904].map((refused) => meanOf(delaysAt(refused, 100)));
    assert.deepEqual(means, [500, 1_000, 2_000, 4_000]);
  });

  it("are spread, so that a crowd does not come back as one", () => {
    const delays = delaysAt(800, 100);
    assert.equal(new Set(delays).size, 8);
    assert.deepEqual([Math.min(...delays), Math.max(...delays)], [2_000, 6_000]);
  });

  it("become short again when the rush is over", () => {
    const delays = createRetryDelays();
    for (let index = 0; index < 10_000; index++) delays.next();
    delays.tick(100);
    assert.ok(retryDelaysMs[delays.next()]! >= 2_000);
    for (let tick = 0; tick < 100; tick++) delays.tick(100);
    assert.ok(retryDelaysMs[delays.next()]! <= 750);
  });

  it("are told in RetryInfo and, in whole seconds rounded up, in Retry-After", () => {
    assert.equal(overloadErrors.length, retryDelaysMs.length);
    overloadErrors.forEach((error, index) => {
      assert.equal(error.code, Code.ResourceExhausted);
      assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, "OVERLOADED");
      assert.equal(durationMs(error.findDetails(RetryInfoSchema)[0]!.retryDelay!), retryDelaysMs[index]);
      assert.equal(error.metadata.get("retry-after"), String(Math.ceil(retryDelaysMs[index]! / 1_000)));
    });
  });
});
