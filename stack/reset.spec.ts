import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

describe("make reset", () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), "boxoffice-reset-"))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("removes what the stack keeps, and no report or database of tests and measurements", async () => {
    for (const folder of ["postgres", "logs", "bench-report", "bench-7-1", "test-7"]) {
      await mkdir(join(dir, folder));
      await writeFile(join(dir, folder, "file"), "");
    }
    await writeFile(join(dir, "secrets.json"), "{}");
    assert.equal(await reset(), `removed postgres, logs, secrets.json from ${dir}\n`);
    assert.deepEqual((await readdir(dir)).sort(), ["bench-7-1", "bench-report", "test-7"]);
    assert.equal(await reset(), `nothing to remove in ${dir}\n`);
  });

  async function reset(): Promise<string> {
    const env = { ...process.env, BOXOFFICE_DATA_DIR: dir };
    return (await promisify(execFile)(process.execPath, ["--import=tsx", "stack/reset.ts"], { env })).stdout;
  }
});
