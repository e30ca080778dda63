import assert from "node:assert/strict";
import { findUnpinned, findUnverified } from "./pins.ts";

describe("pinned dependencies", () => {
  it("are exact versions", () => {
    const dependencies = { plain: "1.2.3", beta: "18.4.0-beta.17", build: "1.0.0+5" };
    assert.deepEqual(findUnpinned({ dependencies, devDependencies: {} }), []);
    assert.deepEqual(findUnpinned({}), []);
  });

  const loose = ["^1.2.3", "~1.2.3", ">=1.2.3", "1.2", "1.x", "*", "", "latest", "1.2.3 || 2.0.0", "npm:other@1.2.3"];
  const addresses = ["git+https://host/x.git", "https://host/x.tgz", "file:../x", "github:owner/x"];
  for (const version of [...loose, ...addresses]) {
    it(`are not "${version}"`, () => {
      for (const kind of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const) {
        assert.equal(findUnpinned({ [kind]: { x: version } }).length, 1);
      }
    });
  }

  it("have a checksum in the lock, and come from the registry", () => {
    const integrity = `sha512-${"a".repeat(86)}==`;
    assert.deepEqual(findUnverified({ packages: { "": {}, "node_modules/x": { version: "1.2.3", integrity } } }), []);
    const wrong = [
      { version: "1.2.3" },
      { version: "1.2.3", integrity: "sha1-abc=" },
      { integrity },
      { version: "1.2.3", integrity, resolved: "git+ssh://git@host/x.git" },
    ];
    for (const entry of wrong) assert.equal(findUnverified({ packages: { "node_modules/x": entry } }).length, 1);
  });
});
