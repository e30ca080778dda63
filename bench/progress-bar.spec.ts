import assert from "node:assert/strict";
import { createProgressBar, lineOf } from "./progress-bar.ts";

describe("a progress bar", () => {
  it("says how far it is and how long it still takes", () => {
    const line = lineOf({ label: "a million", done: 250_000, total: 1_000_000, elapsedMs: 20_000 });
    assert.match(line, /a million \[#{8}-{22}\] 25 % of 1,000,000, 20 s, 60 s to go/);
  });

  it("says nothing of what it can't know yet, and stops at the whole", () => {
    assert.doesNotMatch(lineOf({ label: "", done: 0, total: 10, elapsedMs: 5_000 }), /to go/);
    assert.match(lineOf({ label: "", done: 12, total: 10, elapsedMs: 5_000 }), /#{30}\] 100 %/);
  });

  it("rewrites its line on a terminal, and leaves nothing behind", () => {
    const written: string[] = [];
    let now = 1_000;
    const screen = { isTTY: true, write: (text: string) => written.push(text) };
    const bar = createProgressBar("x", screen, () => now);
    bar.update(1, 10);
    bar.update(2, 10);
    now += 300;
    bar.update(3, 10);
    bar.end();
    assert.deepEqual(
      written.map((text) => text.startsWith("\r\x1b[K")),
      [true, true, true],
    );
    assert.equal(written.at(-1), "\r\x1b[K");
  });

  it("writes a line now and then where there is no terminal", () => {
    const written: string[] = [];
    let now = 0;
    const bar = createProgressBar("x", { write: (text: string) => written.push(text) }, () => now);
    bar.update(1, 10);
    now += 20_000;
    bar.update(5, 10);
    bar.end();
    assert.equal(written.length, 1);
    assert.match(written[0]!, /50 %.*\n$/);
  });
});
