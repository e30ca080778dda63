import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details";
import { BatcherClosedError, CallerGoneError, QueueFullError, TooLateError } from "./batcher.ts";
import { createRefusal, reasonName } from "./refusal.ts";
import { errorFromRefusal, errorFromThrown } from "./status.ts";

describe("status", () => {
  it("gives every reason a code and a name", () => {
    for (const reason of Object.values(RefusalReason).filter((value) => typeof value === "number")) {
      const error = errorFromRefusal(createRefusal(reason, "no"));
      assert.ok(error.code in Code, reasonName(reason));
      assert.equal((detail(error) as { reason: string }).reason, reasonName(reason));
    }
  });

  it("carries reason, facts, retry time and field violations as typed details", () => {
    const error = errorFromRefusal(
      createRefusal(RefusalReason.SOLD_OUT, "sold out", {
        metadata: { free: "0" },
        retryAfterMs: 1_500,
        violations: [{ field: "quantity", description: "too many" }],
      }),
    );
    assert.equal(error.code, Code.FailedPrecondition);
    const byType = new Map(error.details.map((entry) => ["desc" in entry ? entry.desc.typeName : entry.type, entry]));
    assert.deepEqual(
      [...byType.keys()],
      [ErrorInfoSchema.typeName, RetryInfoSchema.typeName, BadRequestSchema.typeName],
    );
    assert.deepEqual(detail(error), { reason: "SOLD_OUT", domain: "boxoffice", metadata: { free: "0" } });
  });

  it("says what a thrown error means to the caller", () => {
    const codeOf = (thrown: unknown) => errorFromThrown(thrown).code;
    assert.equal(codeOf(new ConnectError("mine", Code.NotFound)), Code.NotFound);
    assert.equal(codeOf(new QueueFullError("full")), Code.ResourceExhausted);
    assert.equal(codeOf(new TooLateError("slow")), Code.ResourceExhausted);
    assert.equal(codeOf(new CallerGoneError("late")), Code.DeadlineExceeded);
    assert.equal(codeOf(new BatcherClosedError("closed")), Code.Unavailable);
    assert.equal(codeOf(Object.assign(new Error("gone"), { code: "ECONNRESET" })), Code.Unavailable);
    assert.equal(codeOf(Object.assign(new Error("gone"), { code: "CONNECTION_CLOSED" })), Code.Unavailable);
    assert.equal(codeOf(new TypeError("bug")), Code.Internal);
  });

  it("says nothing of an unexpected error's cause", () => {
    assert.equal(errorFromThrown(new Error("password=hunter2")).rawMessage, "internal error");
  });
});

function detail(error: ConnectError): unknown {
  const first = error.details[0]!;
  return "desc" in first ? first.value : first;
}
