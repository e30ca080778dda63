import assert from "node:assert/strict";
import { createLogger } from "./logger.ts";
import { startPoller } from "./poller.ts";

const log = createLogger({ service: "test", level: "silent" });

describe("poller", () => {
  it("goes on at once while there is more, and after a round that failed", async () => {
    const answers = [true, true, new Error("broken"), true, false];
    let rounds = 0;
    let finish = () => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const poller = startPoller({
      name: "test",
      intervalMs: 1,
      log,
      round: async () => {
        const answer = answers[rounds++];
        if (answer instanceof Error) throw answer;
        if (rounds >= answers.length) finish();
        return answer ?? false;
      },
    });
    await finished;
    await poller.stop();
    assert.ok(rounds >= answers.length);
  });

  it("waits for the running round when it is stopped, and starts no other", async () => {
    let rounds = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const poller = startPoller({
      name: "test",
      intervalMs: 1,
      log,
      round: async (signal) => {
        rounds += 1;
        await held;
        assert.equal(signal.aborted, true);
        return true;
      },
    });
    const stopped = poller.stop();
    release();
    await stopped;
    assert.equal(rounds, 1);
  });
});
