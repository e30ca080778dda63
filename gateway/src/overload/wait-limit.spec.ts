import assert from "node:assert/strict";
import fc from "fast-check";
import { isTooLong } from "./batch-queue.ts";
import { createWaitLimit, tickIntervalMs } from "./wait-limit.ts";

const patientMs = 10_000;
const bounds = { waitMs: 2_000, floor: 64, ceiling: 9_000 };

/** What was seen between two moments of a simulation. */
type Period = { served: number; refused: number; waitsMs: number[]; inFlightMost: number; limitLeast: number };

// A dependency as ours are: up to two batches run at once, each takes `baseMs` and shares `perSecond` with the other.
function simulate(options: {
  perSecond: (atMs: number) => number;
  arrivals: (atMs: number) => number;
  baseMs?: number;
  timeoutMs?: number;
  /** False: what a batch takes is not known. */
  knowsBatches?: boolean;
}) {
  const { perSecond, arrivals, baseMs = 20, timeoutMs = patientMs, knowsBatches = true } = options;
  const queue: number[] = [];
  let batches: { cameAtMs: number[]; left: number; startedMs: number }[] = [];
  let lastMs = 0;
  const batchQueue = {
    get queued() {
      return queue.length;
    },
    get batchMs() {
      return Math.max(lastMs, ...batches.map(({ startedMs }) => nowMs - startedMs));
    },
  };
  const limit = createWaitLimit({
    ...bounds,
    isTooLong: () => knowsBatches && isTooLong(batchQueue, { itemsMax: 500, inFlightMax: 2, waitMs: bounds.waitMs }),
    nowMs: 0,
  });
  let nowMs = 0;
  let due = 0;

  function step(period: Period): void {
    for (due += arrivals(nowMs); due >= 1; due -= 1) {
      if (limit.refusalOf(timeoutMs)) period.refused += 1;
      else {
        limit.enter();
        queue.push(nowMs);
      }
    }
    while (batches.length < 2 && queue.length > 0) {
      const cameAtMs = queue.splice(0, 500);
      batches.push({ cameAtMs, left: cameAtMs.length, startedMs: nowMs });
    }
    let power = perSecond(nowMs) / 1_000;
    for (const batch of batches) {
      const done = Math.min(power, batch.left);
      batch.left -= done;
      power -= done;
    }
    const finished = batches.filter(({ left, startedMs }) => left <= 1e-9 && startedMs + baseMs <= nowMs);
    batches = batches.filter((batch) => !finished.includes(batch));
    for (const { cameAtMs, startedMs } of finished) {
      lastMs = nowMs - startedMs;
      cameAtMs.forEach(() => limit.leave());
      limit.completed(cameAtMs.length, nowMs - cameAtMs.at(-1)!);
      period.served += cameAtMs.length;
      period.waitsMs.push(...cameAtMs.map((atMs) => nowMs - atMs));
    }
    nowMs += 1;
    if (nowMs % tickIntervalMs === 0) limit.tick(nowMs);
    period.inFlightMost = Math.max(period.inFlightMost, limit.inFlight);
    period.limitLeast = Math.min(period.limitLeast, limit.limit);
  }

  return {
    limit,
    run(untilMs: number): Period {
      const period: Period = { served: 0, refused: 0, waitsMs: [], inFlightMost: 0, limitLeast: Infinity };
      while (nowMs < untilMs) step(period);
      return period;
    },
  };
}

const always = (value: number) => () => value;
const longest = (waitsMs: number[]) => waitsMs.reduce((most, waitMs) => Math.max(most, waitMs), 0);

describe("a limit by wait", () => {
  it("refuses nobody while what arrives is less than what is completed", () => {
    const { limit, run } = simulate({ perSecond: always(5_000), arrivals: always(4.5) });
    const { refused, limitLeast } = run(20_000);
    assert.deepEqual([refused, limitLeast, limit.expectedWaitMs], [0, bounds.ceiling, 0]);
  });

  for (const perSecond of [800, 5_000, 20_000]) {
    it(`keeps ${perSecond} a second going at ten times that, and waits near what is allowed`, () => {
      const { run } = simulate({ perSecond: always(perSecond), arrivals: always(perSecond / 100) });
      run(15_000);
      const { served, refused, waitsMs } = run(25_000);
      assert.ok(served >= 0.9 * perSecond * 10, `${served} in ten seconds`);
      assert.ok(refused > 80 * perSecond, `${refused}`);
      assert.ok(longest(waitsMs) <= 3 * bounds.waitMs, `${longest(waitsMs)} ms`);
      waitsMs.sort((a, b) => a - b);
      assert.ok(waitsMs[waitsMs.length >> 1]! <= 1.5 * bounds.waitMs, `${waitsMs[waitsMs.length >> 1]} ms`);
    });
  }

  it("does not fill up in the first moment of an overload, however long buyers may wait", () => {
    const begins = (atMs: number) => (atMs < 5_000 ? 0.1 : 3);
    const { run } = simulate({ perSecond: always(300), arrivals: begins });
    run(5_000);
    const { inFlightMost, waitsMs } = run(20_000);
    assert.ok(inFlightMost < 3_200, `${inFlightMost} waited for 300 a second`);
    assert.ok(longest(waitsMs) <= patientMs, `${longest(waitsMs)} ms`);
  });

  it("lets a burst through that comes after quiet", () => {
    const { run } = simulate({ perSecond: always(5_000), arrivals: (atMs) => (atMs === 5_000 ? 3_000 : 0.2) });
    assert.equal(run(10_000).refused, 0);
  });

  it("lets a burst through when an overload is over, too", () => {
    const { run } = simulate({
      perSecond: always(5_000),
      arrivals: (atMs) => (atMs < 5_000 ? 50 : atMs === 15_000 ? 8_000 : 0.2),
    });
    assert.ok(run(14_000).refused > 0);
    assert.equal(run(15_001).refused, 0);
  });

  it("stops taking calls while nothing is completed, and takes all soon after that is over", () => {
    const stall = (atMs: number) => (atMs > 2_000 && atMs < 5_000 ? 0 : 5_000);
    const { limit, run } = simulate({ perSecond: stall, arrivals: always(3) });
    const before = run(5_000);
    assert.ok(before.inFlightMost < 3 * 1_000, `${before.inFlightMost} of the 9,000 that came waited`);
    run(7_000);
    const { refused, served } = run(10_000);
    assert.equal(refused, 0);
    assert.ok(served > 8_900, `${served}`);
    assert.ok(limit.limit >= 5_000, `${limit.limit}`);
  });

  it("refuses at once what has less time than the queue takes, and lets the patient in", () => {
    const { limit, run } = simulate({ perSecond: always(5_000), arrivals: always(5.5), knowsBatches: false });
    run(14_000);
    assert.ok(limit.expectedWaitMs > 300, `${limit.expectedWaitMs}`);
    assert.ok(limit.inFlight < limit.limit);
    assert.equal(limit.refusalOf(limit.expectedWaitMs - 1), "deadline");
    assert.equal(limit.refusalOf(limit.expectedWaitMs + 1), undefined);
  });

  it("always lets its floor in, so that a recovery is noticed, and never more than its ceiling", () => {
    const limit = createWaitLimit({ ...bounds, nowMs: 0 });
    for (let index = 0; index < bounds.floor; index++) limit.enter();
    for (let nowMs = 0; nowMs < 10_000; nowMs += tickIntervalMs) limit.tick(nowMs);
    assert.deepEqual([limit.limit, limit.refusalOf(patientMs)], [bounds.floor, "wait"]);
    limit.leave();
    assert.equal(limit.refusalOf(1), undefined);
    const small = createWaitLimit({ ...bounds, ceiling: 10, nowMs: 0 });
    for (let index = 0; index < 10; index++) small.enter();
    assert.equal(small.refusalOf(patientMs), "wait");
  });

  it("stays between floor and ceiling whatever happens, and comes back when it is quiet", () => {
    const event = fc.record({
      ticks: fc.integer({ min: 1, max: 5 }),
      entered: fc.integer({ min: 0, max: 500 }),
      completed: fc.integer({ min: 0, max: 500 }),
      waitMs: fc.integer({ min: 0, max: 5_000 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 50 }), (events) => {
        const limit = createWaitLimit({ ...bounds, nowMs: 0 });
        let nowMs = 0;
        for (const { ticks, entered, completed, waitMs } of events) {
          for (let index = 0; index < entered; index++) if (!limit.refusalOf(patientMs)) limit.enter();
          const left = Math.min(completed, limit.inFlight);
          for (let index = 0; index < left; index++) limit.leave();
          if (left > 0) limit.completed(left, waitMs);
          limit.tick((nowMs += ticks * tickIntervalMs));
          assert.ok(limit.limit >= bounds.floor && limit.limit <= bounds.ceiling, `${limit.limit}`);
        }
        while (limit.inFlight > 0) limit.leave();
        limit.tick((nowMs += tickIntervalMs));
        assert.equal(limit.expectedWaitMs, 0);
      }),
    );
  });
});
