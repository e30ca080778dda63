import assert from "node:assert/strict";
import { readMachine, readUsage } from "./usage.ts";

describe("what processes use", function () {
  before(function () {
    if (process.platform === "linux") return;
    console.log("      skipped: processor time and memory come from /proc, which only Linux has");
    this.skip();
  });

  it("is read of a process that runs", async () => {
    const before = process.cpuUsage();
    while (process.cpuUsage(before).user < 50_000) Math.sqrt(Math.random());
    const { self } = await readUsage({ self: [process.pid] });
    assert.ok(self!.cpuSeconds >= 0.05);
    assert.ok(self!.residentMb > 10 && self!.peakMb >= self!.residentMb);
  });

  it("is nothing of a process that is gone", async () => {
    assert.deepEqual(await readUsage({ gone: [2 ** 30] }), { gone: { cpuSeconds: 0, residentMb: 0, peakMb: 0 } });
  });

  it("is part of what the machine does", async () => assert.ok((await readMachine()).busySeconds > 0));
});
