import assert from "node:assert/strict";
import { flags, frame, frameTypes } from "../support/raw-http2.ts";
import { messageBytes } from "./messages.ts";

describe("bytes of messages", () => {
  const ping = frame(frameTypes.ping, 1, 0, Buffer.alloc(8));
  const message = frame(frameTypes.data, flags.none, 1, Buffer.alloc(20));

  it("are those of gRPC's messages, not of pings however many", () => {
    assert.equal(messageBytes(Buffer.concat(Array.from({ length: 10 }, () => ping)), "gateway>reservation"), 0);
    assert.equal(messageBytes(Buffer.concat([ping, message, ping, message]), "gateway>reservation"), 40);
    assert.equal(messageBytes(Buffer.from("cut"), "reservation>payment"), 0);
  });

  it("are all that other links carry", () => {
    for (const link of ["client>gateway", "payment>sandbox", "payment>postgres"] as const) {
      assert.equal(messageBytes(Buffer.from("HTTP/1.1 200 OK"), link), 15);
    }
  });
});
