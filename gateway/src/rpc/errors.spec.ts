import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details";
import { createRefusal } from "#shared/refusal";
import { errorFromRefusal } from "#shared/status";
import { post, startTestGateway, tokenFor, type TestGateway, ways } from "../../test/harness.ts";
import { refused, wishJson } from "../../test/messages.ts";

const method = "ReservationService/CreateReservation";

for (const { way, settings } of ways) {
  describe(`errors at the edge, by ${way}`, () => {
    let gateway: TestGateway;
    const token = tokenFor("guest:1");
    const ask = () => post(gateway.url, method, wishJson, { token });
    const answerWith = (error: ConnectError) => {
      gateway.fakes.reservation.handlers.createReservations = () => Promise.reject(error);
    };

    before(async () => (gateway = await startTestGateway(settings)));
    after(() => gateway.stop());

    // The error table of docs/architecture.md, row by row.
    const table: [reason: keyof typeof RefusalReason, status: number, code: string, retryAfterMs?: number][] = [
      ["NOT_FOUND", 404, "not_found"],
      ["SEATS_UNAVAILABLE", 400, "failed_precondition"],
      ["SOLD_OUT", 400, "failed_precondition"],
      ["SALE_NOT_OPEN", 400, "failed_precondition"],
      ["SALE_CLOSED", 400, "failed_precondition"],
      ["CUSTOMER_LIMIT", 400, "failed_precondition"],
      ["HOLD_EXPIRED", 400, "failed_precondition"],
      ["PAYMENT_DECLINED", 400, "failed_precondition"],
      ["WRONG_STATE", 400, "failed_precondition"],
      ["NOT_ADMITTED", 400, "failed_precondition"],
      ["REFUND_NOT_ALLOWED", 400, "failed_precondition"],
      ["REFUND_EXCEEDS_PAYMENT", 400, "failed_precondition"],
      ["IDEMPOTENCY_KEY_REUSED", 409, "already_exists"],
      ["IN_PROGRESS", 409, "aborted", 1_500],
      ["RATE_LIMITED", 429, "resource_exhausted", 2_000],
      ["OVERLOADED", 429, "resource_exhausted", 1],
    ];
    for (const [reason, status, code, retryAfterMs] of table) {
      it(`tells a client of ${reason} with its code, its facts and the time to come back`, async () => {
        const facts = { metadata: { seats: "A1,A2" }, ...(retryAfterMs !== undefined && { retryAfterMs }) };
        gateway.fakes.reservation.handlers.createReservations = async () => ({
          outcomes: [refused(RefusalReason[reason], facts, "words for people")],
        });
        const answer = await ask();
        assert.deepEqual([answer.status, answer.body.code, answer.body.message], [status, code, "words for people"]);
        const info = detail(answer.body, ErrorInfoSchema);
        assert.deepEqual([info?.reason, info?.domain, info?.metadata], [reason, "boxoffice", { seats: "A1,A2" }]);
        const delay = detail(answer.body, RetryInfoSchema)?.retryDelay;
        assert.equal(delay && durationMs(delay), retryAfterMs);
        const seconds = retryAfterMs === undefined ? null : String(Math.ceil(retryAfterMs / 1_000));
        assert.equal(answer.headers.get("retry-after"), seconds);
      });
    }

    it("names the fields of a bad request", async () => {
      const answer = await post(
        gateway.url,
        method,
        { ...wishJson, areaId: "", bestAvailable: { quantity: 0 } },
        { token },
      );
      assert.deepEqual([answer.status, answer.body.code], [400, "invalid_argument"]);
      assert.deepEqual(
        detail(answer.body, BadRequestSchema)?.fieldViolations.map(({ field }) => field),
        ["area_id", "best_available.quantity"],
      );
    });

    it("says UNAUTHENTICATED without credentials, and how to send them", async () => {
      const answer = await post(gateway.url, method, wishJson);
      assert.deepEqual([answer.status, answer.body.code], [401, "unauthenticated"]);
      assert.equal(answer.headers.get("www-authenticate"), "Bearer");
    });

    it("passes on another service's refusal, and of its details only the known ones", async () => {
      const refusal = createRefusal(RefusalReason.IN_PROGRESS, "still running", { retryAfterMs: 1_000 });
      const error = errorFromRefusal(refusal);
      answerWith(error);
      const answer = await ask();
      assert.deepEqual([answer.status, answer.body.code, answer.body.message], [409, "aborted", "still running"]);
      assert.equal(detail(answer.body, ErrorInfoSchema)?.reason, "IN_PROGRESS");
      assert.equal(answer.headers.get("retry-after"), "1");
      assert.equal(answer.body.details[0].debug.reason, "IN_PROGRESS");
    });

    const faults: [Code, status: number, code: string][] = [
      [Code.Unavailable, 503, "unavailable"],
      [Code.DeadlineExceeded, 504, "deadline_exceeded"],
      // What a service's callers see when it cuts them at the end of its drain. A client who cancelled reads no answer.
      [Code.Canceled, 503, "unavailable"],
      [Code.Internal, 500, "internal"],
      [Code.Unknown, 500, "internal"],
      [Code.ResourceExhausted, 500, "internal"],
      [Code.InvalidArgument, 500, "internal"],
      [Code.PermissionDenied, 500, "internal"],
    ];
    for (const [fault, status, code] of faults) {
      it(`says nothing of the cause when a service fails with ${Code[fault]}`, async () => {
        answerWith(new ConnectError("relation inventory.hold is on fire at 10.1.2.3", fault));
        const answer = await ask();
        assert.deepEqual([answer.status, answer.body.code], [status, code]);
        assert.doesNotMatch(JSON.stringify(answer.body), /fire|10\.1/);
        if (status === 503 || status === 504) assert.match(answer.body.message, /ask again with the same key/);
      });
    }

    const lost: [Code, status: number, message: string][] = [
      [Code.Unavailable, 503, "no answer: try again"],
      [Code.Canceled, 503, "no answer: try again"],
      [Code.DeadlineExceeded, 504, "the deadline has passed: try again"],
    ];
    for (const [fault, status, message] of lost) {
      it(`asks for no key where what only reads fails with ${Code[fault]}`, async () => {
        gateway.fakes.inventory.handlers.listEvents = () => Promise.reject(new ConnectError("on fire", fault));
        const answer = await post(gateway.url, "EventService/ListEvents", {});
        assert.deepEqual([answer.status, answer.body.message], [status, message]);
      });
    }

    it("says INTERNAL without a word when one item could not be processed, or has no outcome", async () => {
      const outcomes = [refused(RefusalReason.INTERNAL, {}, "null pointer in row 7"), {}];
      for (const outcome of outcomes) {
        gateway.fakes.reservation.handlers.createReservations = async () => ({ outcomes: [outcome] });
        const answer = await ask();
        assert.deepEqual([answer.status, answer.body], [500, { code: "internal", message: "internal error" }]);
      }
    });

    it("says UNAVAILABLE while reservation is down, and works again once it is back", async () => {
      await gateway.fakes.reservation.stop();
      const down = await ask();
      assert.deepEqual([down.status, down.body.code], [503, "unavailable"]);
      await gateway.fakes.reservation.start();
      gateway.fakes.reservation.handlers.createReservations = async () => ({
        outcomes: [refused(RefusalReason.SOLD_OUT)],
      });
      let answer = await ask();
      while (answer.status === 503) answer = await ask();
      assert.equal(answer.status, 400);
    });
  });
}

function detail<Desc extends Parameters<typeof fromBinary>[0]>(body: any, schema: Desc) {
  const found = (body.details ?? []).find(({ type }: { type: string }) => type === schema.typeName);
  return found ? fromBinary(schema, base64Decode(found.value)) : undefined;
}
