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

  it("shows the same note at once, then ever more rarely, with how often it came", () => {
    let nowMs = 0;
    const throttle = createThrottle({ intervalMs: 10, intervalMsMax: 100, now: () => nowMs });
    const shown: string[] = [];
    for (; nowMs < 400; nowMs += 5) {
      const line = throttle("a");
      if (line !== undefined) shown.push(`${nowMs}: ${line}`);
    }
    const again = (times: number) => `a  (${times} times since it was last shown)`;
    const expected = ["0: a", `10: ${again(2)}`, `30: ${again(4)}`, `70: ${again(8)}`, `150: ${again(16)}`];
    assert.deepEqual(shown, [...expected, `250: ${again(20)}`, `350: ${again(20)}`]);
    assert.equal(throttle("b"), "b");
  });

  it("takes a note that stayed away for long as a new one", () => {
    let nowMs = 0;
    const throttle = createThrottle({ intervalMs: 10, intervalMsMax: 100, now: () => nowMs });
    assert.deepEqual([throttle("a"), throttle("a")], ["a", undefined]);
    nowMs = 100;
    assert.deepEqual([throttle("a"), throttle("a")], ["a", undefined]);
  });

  it("remembers no more notes than its bound", () => {
    const throttle = createThrottle({ notesMax: 2, now: () => 0 });
    assert.deepEqual(["a", "b", "a", "c", "a"].map(throttle), ["a", "b", undefined, "c", "a"]);
  });
});
