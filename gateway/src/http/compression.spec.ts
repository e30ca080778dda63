import assert from "node:assert/strict";
import { acceptsGzip } from "./compression.ts";

describe("accepting gzip", () => {
  for (const header of ["gzip", "gzip, deflate, br", "br,GZIP", "br;q=1.0, gzip;q=0.8, *;q=0.1", ["br", "gzip"]]) {
    it(`is what ${JSON.stringify(header)} says`, () => assert.equal(acceptsGzip(header), true));
  }
  for (const header of [undefined, "", "br", "identity", "gzip;q=0", "gzip; q=0.00", "x-gzip-like"]) {
    it(`is not what ${JSON.stringify(header)} says`, () => assert.equal(acceptsGzip(header), false));
  }
});
