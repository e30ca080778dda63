import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { RefundReservationRequestSchema } from "#gen/boxoffice/edge/v1/operations";
import { CreateReservationRequestSchema } from "#gen/boxoffice/edge/v1/reservation";
import { invalidArgument } from "./validate.ts";
import { violationWords } from "./violation-words.ts";

const protos = "proto/boxoffice";

describe("the words for a broken rule", () => {
  it("know every pattern of the protos", async () => {
    const files = (await readdir(protos, { recursive: true })).filter((name) => name.endsWith(".proto"));
    const texts = await Promise.all(files.map((name) => readFile(join(protos, name), "utf8")));
    const patterns = texts.flatMap((text) =>
      [...text.matchAll(/pattern(?: =|:) ("[^"]*")/g)].map(([, quoted]) => quoted!),
    );
    assert.ok(patterns.length > 40);
    for (const quoted of new Set(patterns)) {
      const message = `does not match regex pattern \`${JSON.parse(quoted) as string}\``;
      assert.match(violationWords({ field: [], message }), /^must /, quoted);
    }
  });

  it("use the singular for one", () => {
    const wordsOf = (message: string) => violationWords({ field: [], message });
    for (const [message, words] of [
      ["must be at least 1 characters", "must be at least 1 character"],
      ["must be at most 1 bytes", "must be at most 1 byte"],
      ["must be at least 11 characters", "must be at least 11 characters"],
      ["must contain at least 1 item(s)", "must contain at least 1 item"],
      ["must contain no more than 21 item(s)", "must contain no more than 21 items"],
    ]) {
      assert.equal(wordsOf(message!), words);
    }
    const request = create(RefundReservationRequestSchema, { part: { case: "tickets", value: {} } });
    const described = JSON.stringify(invalidArgument(RefundReservationRequestSchema, request)?.violations);
    assert.match(described, /at least 1 character"/);
    assert.match(described, /at least 1 item"/);
  });

  it("say what an id looks like, and name the fields of which one is required", () => {
    const request = create(CreateReservationRequestSchema, {
      ...{ eventId: "01932d1a-0000-7000-8000-000000000001", areaId: "stalls" },
      reservationId: "7d44fea4-ab0c-4d2a-b5b1-2a5b0d9f4f5d",
    });
    const described = invalidArgument(CreateReservationRequestSchema, request)?.violations.map(
      ({ field, description }) => `${field} ${description}`,
    );
    assert.deepEqual(described, [
      "reservation_id must be a UUIDv7 in lower case, like 0199c0de-0000-7000-8000-000000000001",
      "selection exactly one is required of best_available, named_seats, general_admission",
    ]);
  });
});
