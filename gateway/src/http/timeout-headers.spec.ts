import assert from "node:assert/strict";
import { capTimeoutHeaders } from "./timeout-headers.ts";

describe("timeout headers", () => {
  const capped = (headers: Record<string, string>) => {
    capTimeoutHeaders(headers, 30_000);
    return headers;
  };

  it("are lowered to the maximum", () => {
    assert.deepEqual(capped({ "connect-timeout-ms": "30001" }), { "connect-timeout-ms": "30000" });
    for (const value of ["1H", "1M", "31S", "30001m", "99999999u"]) {
      assert.deepEqual(capped({ "grpc-timeout": value }), { "grpc-timeout": "30000m" }, value);
    }
  });

  it("stay as they are below it", () => {
    for (const headers of [
      {},
      { "connect-timeout-ms": "30000" },
      { "grpc-timeout": "30S" },
      { "grpc-timeout": "99999999n" },
    ]) {
      assert.deepEqual(capped({ ...headers }), headers);
    }
  });

  it("stay as they are when they are malformed, for Connect to refuse", () => {
    for (const headers of [
      { "connect-timeout-ms": "-1" },
      { "connect-timeout-ms": "99999999999" },
      { "grpc-timeout": "5x" },
    ]) {
      assert.deepEqual(capped({ ...headers }), headers);
    }
  });
});
