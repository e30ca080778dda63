import assert from "node:assert/strict";
import { createBulkhead } from "./bulkhead.ts";

const later = () => Date.now() + 60_000;

describe("bulkhead", () => {
  it("lets so many run, so many wait in their order, and nobody else in", async () => {
    const bulkhead = createBulkhead({ runningMax: 1, waitingMax: 2, waitMsMax: 60_000 });
    const order: number[] = [];
    const leave = await bulkhead.enter(later());
    const waiting = [1, 2].map((n) => bulkhead.enter(later()).then((exit) => (order.push(n), exit!())));
    assert.deepEqual([bulkhead.running, bulkhead.waiting], [1, 2]);
    assert.equal(await bulkhead.enter(later()), undefined);
    leave!();
    await Promise.all(waiting);
    assert.deepEqual(order, [1, 2]);
    assert.deepEqual([bulkhead.running, bulkhead.waiting], [0, 0]);
  });

  it("waits no longer than it may, nor than its caller does, and gives the place up", async () => {
    const bulkhead = createBulkhead({ runningMax: 1, waitingMax: 5, waitMsMax: 20 });
    const leave = await bulkhead.enter(later());
    assert.equal(await bulkhead.enter(later()), undefined);
    assert.equal(await bulkhead.enter(Date.now() - 1), undefined);
    assert.equal(bulkhead.waiting, 0);
    leave!();
    assert.ok(await bulkhead.enter(later()));
  });
});
