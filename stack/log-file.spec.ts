import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogFile, createThrottle, noteworthy } from "./log-file.ts";

describe("log file", () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), "boxoffice-log-"))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("starts empty and keeps every line", async () => {
    const path = join(dir, "a.log");
    await writeFile(path, "of the last run\n");
    const log = createLogFile(path);
    log.write("one");
    log.write("zwölf");
    log.write("three");
    log.close();
    assert.equal(await readFile(path, "utf8"), "one\nzwölf\nthree\n");
  });

  it("starts over instead of growing beyond its bound", async () => {
    const path = join(dir, "a.log");
    const log = createLogFile(path, 100);
    for (let line = 0; line < 1_000; line += 1) log.write(`line ${line}`);
    log.close();
    const text = await readFile(path, "utf8");
    assert.ok(text.length <= 120);
    assert.ok(text.endsWith("line 999\n"));
  });

  const lines: [line: string, note: string | undefined][] = [
    ['{"level":"warn","event":"redis.gone","msg":"trying again"}', "warn  redis.gone  trying again"],
    ['{"level":"error","event":"rpc.failed","error":{"message":"no table"}}', "error  rpc.failed  no table"],
    ['{"level":"info","event":"service.started"}', undefined],
    ["{ broken", undefined],
    ["text of somebody else", undefined],
  ];
  for (const [line, note] of lines) {
    it(`${note === undefined ? "keeps back" : "points out"} ${line}`, () => assert.equal(noteworthy(line), note));
  }

  it("shows the same note once in a while only", () => {
    let nowMs = 0;
    const isNew = createThrottle(1_000, 2, () => nowMs);
    assert.deepEqual([isNew("a"), isNew("a"), isNew("b")], [true, false, true]);
    nowMs = 1_000;
    assert.deepEqual([isNew("a"), isNew("c"), isNew("d")], [true, true, true]);
  });
});
