import assert from "node:assert/strict";
import { judge, parseReport } from "./audit.ts";

const url = "https://github.com/advisories/GHSA-1";
const report = {
  vulnerabilities: {
    inner: { via: [{ url, title: "Reads too much", severity: "high" }] },
    outer: { via: ["inner"] },
  },
};

describe("audit", () => {
  it("names each advisory once, not the packages that pass it on", () => {
    const { unexplained } = judge(report, {});
    assert.deepEqual(unexplained, [`inner: Reads too much (high) ${url}`]);
  });

  it("is content with what is explained, but not with an explanation of nothing", () => {
    assert.deepEqual(judge(report, { [url]: "not called" }), { unexplained: [], outdated: [] });
    const gone = "https://github.com/advisories/GHSA-2";
    assert.deepEqual(judge(report, { [url]: "not called", [gone]: "mended" }).outdated, [gone]);
    assert.deepEqual(judge({ vulnerabilities: {} }, {}), { unexplained: [], outdated: [] });
  });

  it("takes no answer for no answer, never for a clean one", () => {
    for (const output of ["", "{}", "null", '{"error":{"code":"ENOTFOUND"}}', '{"message":"404"}', "<html>"]) {
      assert.equal(parseReport(output), undefined, output);
    }
    assert.deepEqual(parseReport(JSON.stringify(report)), report);
  });
});
