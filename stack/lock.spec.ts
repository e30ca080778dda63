import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
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

  it("is still held by a process that was suspended and answers nobody", async function () {
    this.timeout(20_000);
    const code = `import { takeLock } from ${JSON.stringify(resolve("stack/lock.ts"))};
      await takeLock(${JSON.stringify(dir)}); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--import=tsx", "--input-type=module", "--eval", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    holder.kill("SIGSTOP");
    try {
      await assert.rejects(takeLock(dir), /does not answer/);
      holder.kill("SIGCONT");
      assert.deepEqual(await takeLock(dir), { holderPid: holder.pid });
    } finally {
      holder.kill("SIGKILL");
      await once(holder, "exit");
    }
    const lock = await takeLock(dir);
    assert.ok("release" in lock);
    await lock.release();
  });

  it("does not outlive a holder that died without releasing it", async () => {
    await writeFile(join(dir, "up.sock"), "");
    const lock = await takeLock(dir);
    assert.ok("release" in lock);
    await lock.release();
  });
});
