import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { renderApiDocs } from "./api-docs.ts";

describe("the API reference", () => {
  let dir: string;
  let docs: string;
  before(async function () {
    this.timeout(60_000);
    dir = await mkdtemp(join(tmpdir(), "boxoffice-docs-"));
    await mkdir(join(dir, "boxoffice/edge/v1"), { recursive: true });
    await symlink(resolve("proto/buf"), join(dir, "buf"));
    await writeFile(join(dir, "buf.yaml"), "version: v2\n");
    await writeFile(join(dir, "boxoffice/edge/v1/sample.proto"), sample);
    const descriptorSet = execFileSync(
      resolve("node_modules/.bin/buf"),
      ["build", "--as-file-descriptor-set", "-o", "-#format=binpb"],
      { cwd: dir },
    );
    docs = renderApiDocs(descriptorSet);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it("says of each method what its comment promises, and whether it may be repeated", () => {
    assert.match(
      docs,
      /#### Ask\n\nAsks, over two lines\.\n\n\[AskRequest\]\(#boxoffice\.edge\.v1\.AskRequest\) → .*May be repeated\./,
    );
    assert.match(docs, /#### Look\n\nLooks\.\n\n.*Changes nothing\./);
    assert.match(docs, /#### Act\n\nActs\.\n\n.*Not idempotent\./);
  });

  it("says of each field its type, meaning and rules", () => {
    assert.match(docs, /^\| `name` \| `string` \| A name\. \| `minLen 1` `maxLen 9` \|$/m);
    assert.match(
      docs,
      /^\| `moods` \| list of \[Mood\]\(#boxoffice\.edge\.v1\.Mood\) \| Some moods\. \| `maxItems 3` `each definedOnly` \|$/m,
    );
    assert.match(docs, /^\| `facts` \| map of `string` to `string` \| Facts\. \| {2}\|$/m);
    assert.match(docs, /^\| `choice` \| one of the next \| A choice\. \| `required` \|$/m);
    assert.match(docs, /^\| `GOOD` \| 1 \| Good \\\| fine\. \|$/m);
  });
});

const sample = `
syntax = "proto3";
package boxoffice.edge.v1;
import "buf/validate/validate.proto";
// A sample.
service SampleService {
  // Asks,
  // over two lines.
  rpc Ask(AskRequest) returns (AskResponse) { option idempotency_level = IDEMPOTENT; }
  // Looks.
  rpc Look(AskRequest) returns (AskResponse) { option idempotency_level = NO_SIDE_EFFECTS; }
  // Acts.
  rpc Act(AskRequest) returns (AskResponse);
}
// What is asked.
message AskRequest {
  // A name.
  string name = 1 [(buf.validate.field).string = {min_len: 1, max_len: 9}];
  // Some moods.
  repeated Mood moods = 2 [(buf.validate.field).repeated = {max_items: 3, items: {enum: {defined_only: true}}}];
  // Facts.
  map<string, string> facts = 3;
  // A choice.
  oneof choice {
    option (buf.validate.oneof).required = true;
    // This.
    int64 this = 4;
    // That.
    AskResponse that = 5;
  }
}
// An answer.
message AskResponse {}
// How one feels.
enum Mood {
  // Not set.
  UNKNOWN = 0;
  // Good | fine.
  GOOD = 1;
}
`;
