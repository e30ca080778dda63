import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockHolder, takeLock } from "./lock.ts";

describe("lock", () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), "boxoffice-lock-"))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("is held by one process at a time, and names it to the others", async () => {
    const lock = await takeLock(dir);
    assert.ok("release" in lock);
    assert.deepEqual(await takeLock(dir), { holderPid: process.pid });
    assert.equal(await lockHolder(dir), process.pid);
    await lock.release();
    assert.equal(await lockHolder(dir), undefined);
    const next = await takeLock(dir);
    assert.ok("release" in next);
    await next.release();
  });

  it("does not outlive a holder that died without releasing it", async () => {
    await writeFile(join(dir, "up.sock"), "");
    const lock = await takeLock(dir);
    assert.ok("release" in lock);
    await lock.release();
  });
});
