// The checks are checked: for each promise a bug is planted, which they must find, and without which they find nothing.

import assert from "node:assert/strict";
import { bugs } from "./bugs.ts";
import { openStage, type Stage } from "./stage.ts";

describe("the checks of the promises", function () {
  this.timeout(180_000);
  let stage: Stage;
  before(async () => (stage = await openStage()));
  after(() => stage.stop());

  it("have a bug for each promise", () => {
    assert.deepEqual([...new Set(bugs.map(({ promise }) => promise))], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  // Before any bug, so that all of them run on the same clean processes.
  for (const bug of bugs) {
    it(`find nothing in the scene of promise ${bug.promise} without it, that ${bug.what}`, async () => {
      assert.deepEqual(await bug.play(stage, false), []);
    });
  }

  for (const bug of bugs) {
    it(`find, of promise ${bug.promise}, that ${bug.what}`, async () => {
      await stage.plant(bug.victim, bug.edits);
      const found = await bug.play(stage, true);
      assert.ok(
        found.some((words) => words.startsWith(bug.caughtAs)),
        `not caught as ${bug.caughtAs}: ${found.join("; ") || "nothing was found"}`,
      );
    });
  }
});
