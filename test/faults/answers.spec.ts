import assert from "node:assert/strict";
import { flags, frame, frameTypes } from "../support/raw-http2.ts";
import { answerBytes } from "./answers.ts";

describe("bytes of an answer", () => {
  const ping = frame(frameTypes.ping, 1, 0, Buffer.alloc(8));
  const message = frame(frameTypes.data, flags.none, 1, Buffer.alloc(20));

  it("are those of gRPC's messages, not of pings however many", () => {
    assert.equal(answerBytes(Buffer.concat(Array.from({ length: 10 }, () => ping)), "gateway>reservation"), 0);
    assert.equal(answerBytes(Buffer.concat([ping, message, ping, message]), "gateway>reservation"), 40);
    assert.equal(answerBytes(Buffer.from("cut"), "reservation>payment"), 0);
  });

  it("are all of HTTP/1.1", () => {
    for (const link of ["client>gateway", "payment>sandbox"] as const) {
      assert.equal(answerBytes(Buffer.from("HTTP/1.1 200 OK"), link), 15);
    }
  });
});
