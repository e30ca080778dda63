import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSecrets } from "./secrets.ts";
import { StackError } from "./stack-error.ts";

describe("secrets", () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), "boxoffice-secrets-"))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("are made once and kept, for their owner's eyes only", async () => {
    const made = await loadSecrets(dir);
    assert.ok(made.sessionSecret.length >= 32);
    assert.notEqual(made.sessionSecret, made.rolePassword);
    await chmod(join(dir, "secrets.json"), 0o644);
    assert.deepEqual(await loadSecrets(dir), made);
    assert.equal((await stat(join(dir, "secrets.json"))).mode & 0o777, 0o600);
  });

  it("are completed in a file from before there were tickets", async () => {
    const kept = { rolePassword: "a password of then", sessionSecret: "a session secret of 32 letters or more" };
    await writeFile(join(dir, "secrets.json"), JSON.stringify(kept));
    const secrets = await loadSecrets(dir);
    assert.deepEqual(secrets, { ...kept, ticketSecret: secrets.ticketSecret });
    assert.ok(secrets.ticketSecret.length >= 32);
    assert.deepEqual(await loadSecrets(dir), secrets);
  });

  for (const damage of ["", "{", "[]", '{"rolePassword":"secret password"}', '{"rolePassword":1,"sessionSecret":2}']) {
    it(`are refused when their file holds ${JSON.stringify(damage)}`, async () => {
      await writeFile(join(dir, "secrets.json"), damage);
      await assert.rejects(loadSecrets(dir), StackError);
    });
  }
});
