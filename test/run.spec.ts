// A run of tests that is interrupted, as its users meet it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isRunning } from "./support/is-running.ts";

describe("a run of tests", function () {
  this.timeout(120_000);

  function start() {
    const { NODE_V8_COVERAGE: _, ...env } = process.env;
    const args = ["--import=tsx", "--import=./stack/follow-parent.ts", "test/run.ts", "test/support/endless.ts"];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit", "ipc"], detached: true });
    let output = "";
    child.stdout!.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const closed = once(child, "close") as Promise<[number | null]>;
    const isOver = () => child.exitCode !== null || child.signalCode !== null;
    return { pid: child.pid!, dir: resolve(`.data/test-${child.pid}`), output: () => output, isOver, closed };
  }

  const ways: [what: string, signal: NodeJS.Signals, code: number, isForGroup: boolean][] = [
    ["Ctrl-C", "SIGINT", 130, true],
    ["kill", "SIGTERM", 143, false],
  ];
  for (const [what, signal, code, isForGroup] of ways) {
    it(`says that it was interrupted by ${what}, and takes along what it and its specs have started`, async () => {
      const run = start();
      await until(() => run.isOver() || /^waits with/m.test(run.output()));
      const pids = /^waits with (\d+) and (\d+)$/m.exec(run.output())!.slice(1).map(Number);
      process.kill(isForGroup ? -run.pid : run.pid, signal);
      assert.deepEqual(await run.closed, [code, null]);
      assert.equal(run.output().trim().split("\n").at(-1), `interrupted by ${signal}`);
      assert.ok(!existsSync(run.dir));
      await until(() => !pids.some(isRunning));
    });
  }

  it("stops on the way to its first test, too", async () => {
    const run = start();
    await until(() => run.isOver() || existsSync(run.dir));
    process.kill(run.pid, "SIGTERM");
    assert.deepEqual(await run.closed, [143, null]);
    assert.equal(run.output().trim(), "interrupted by SIGTERM");
    assert.ok(!existsSync(run.dir));
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}
