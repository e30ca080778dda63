// A suite that does not end by itself, for test/run.spec.ts to interrupt.

import { spawn } from "node:child_process";
import { freePort } from "#stack/ports";
import { findRedisServer, startRedis } from "#stack/redis";

describe("an endless suite", () => {
  it("starts a server and a process, and waits", async () => {
    const redis = await startRedis({ binary: await findRedisServer(console.log), port: await freePort() });
    const sleeper = spawn("sleep", ["1000"], { stdio: "ignore" });
    console.log(`waits with ${redis.pid} and ${sleeper.pid}`);
    await new Promise(() => {});
  });
});
