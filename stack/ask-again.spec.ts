import assert from "node:assert/strict";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "#gen/google/rpc/error_details";
import { askAgain } from "./ask-again.ts";

/** Asks while every try fails with the next of `failures`; returns the answer or what was thrown, the tries and the waits. */
async function ask(failures: Error[]) {
  const waits: number[] = [];
  const heard: string[] = [];
  let tries = 0;
  const asked = askAgain(
    async () => {
      const failure = failures[tries++];
      if (failure) throw failure;
      return "answer";
    },
    { pause: async (ms) => waits.push(ms), onFailure: (error, ms) => heard.push(`${Code[error.code]} ${ms}`) },
  );
  const result = await asked.catch((error: unknown) => error);
  return { result, tries, waits, heard };
}

const unavailable = new ConnectError("restarting", Code.Unavailable);
const limited = (ms: number) =>
  new ConnectError("too many", Code.ResourceExhausted, undefined, [
    { desc: RetryInfoSchema, value: { retryDelay: durationFromMs(ms) } },
  ]);

describe("a call that is repeated", () => {
  it("waits as long as the answer says, or else longer each time", async () => {
    const { result, waits, heard } = await ask([unavailable, limited(700), unavailable]);
    assert.equal(result, "answer");
    assert.deepEqual(waits, [1_000, 700, 4_000]);
    assert.deepEqual(heard, ["Unavailable 1000", "ResourceExhausted 700", "Unavailable 4000"]);
  });

  it("fails with the last failure after eight tries, and never waits longer than 15 s", async () => {
    const failures = Array.from({ length: 20 }, () => limited(3_600_000));
    const { result, tries, waits } = await ask(failures);
    assert.equal(result, failures[7]);
    assert.equal(tries, 8);
    assert.deepEqual(new Set(waits), new Set([15_000]));
  });

  it("fails at once where a repeat would not help", async () => {
    for (const failure of [
      new ConnectError("no role", Code.PermissionDenied),
      new ConnectError("too large", Code.ResourceExhausted),
      new Error("a bug"),
    ]) {
      const { result, tries } = await ask([failure]);
      assert.deepEqual([result, tries], [failure, 1]);
    }
  });
});
