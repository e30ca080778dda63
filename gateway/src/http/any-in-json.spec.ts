import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { StatusSchema } from "#gen/google/rpc/status";
import { codecOf } from "#stubs";

describe("an Any in JSON", () => {
  it("is written and read where it holds a message that its own file defines", () => {
    const codec = codecOf(StatusSchema);
    const within = create(StatusSchema, { code: 5, message: "within" });
    const status = create(StatusSchema, { code: 2, details: [anyPack(StatusSchema, within)] });
    const json = codec.toJsonString(status);
    assert.equal(JSON.parse(json).details[0].message, "within");
    assert.deepEqual(codec.fromJsonString(json), status);
  });
});
