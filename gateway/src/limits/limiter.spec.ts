import assert from "node:assert/strict";
import fc from "fast-check";
import { blockPointsOf, createLimiter, type LeaseSource } from "./limiter.ts";

// A store that replicas share, with a window that ends at `endsAtMs`; undefined while it is away.
function createStore(clock: { nowMs: number }, windowMs = 10_000) {
  const taken = new Map<string, { points: number; endsAtMs: number }>();
  const store = {
    isAway: false,
    asked: 0,
    leases: {
      async lease(key, points) {
        store.asked += 1;
        if (store.isAway) return undefined;
        let entry = taken.get(key);
        if (!entry || entry.endsAtMs <= clock.nowMs)
          taken.set(key, (entry = { points: 0, endsAtMs: clock.nowMs + windowMs }));
        const takenBefore = entry.points;
        entry.points += points;
        return { takenBefore, msLeft: entry.endsAtMs - clock.nowMs };
      },
    } satisfies LeaseSource,
  };
  return store;
}

function setUp(options: { points: number; replicas?: number; keysMax?: number }) {
  const clock = { nowMs: 1_000_000 };
  const store = createStore(clock);
  const limiters = Array.from({ length: options.replicas ?? 1 }, () =>
    createLimiter({
      points: options.points,
      windowMs: 10_000,
      keysMax: options.keysMax ?? 1_000,
      leases: store.leases,
      now: () => clock.nowMs,
    }),
  );
  const take = async (replica = 0, key = "k") => await limiters[replica]!.take(key);
  const takeMany = async (count: number, replica = 0) => {
    const answers = await Promise.all(Array.from({ length: count }, () => take(replica)));
    return answers.filter((answer) => answer === 0).length;
  };
  return { clock, store, limiters, take, takeMany };
}

describe("limiter", () => {
  it("grants a key's points and then says how long until there are new ones", async () => {
    const { take, takeMany, clock } = setUp({ points: 100 });
    assert.equal(await takeMany(100), 100);
    clock.nowMs += 4_000;
    assert.equal(await take(), 6_000);
    clock.nowMs += 6_000;
    assert.equal(await take(), 0);
  });

  it("does not ask the store for keys that need little, nor for keys that are refused", async () => {
    const { takeMany, store } = setUp({ points: 100 });
    await takeMany(10);
    assert.equal(store.asked, 0);
    await takeMany(1_000);
    const asked = store.asked;
    assert.ok(asked <= 11, `${asked}`);
    await takeMany(1_000);
    assert.equal(store.asked, asked);
  });

  it("answers without a promise while it need not ask", () => {
    const { limiters } = setUp({ points: 100 });
    assert.equal(limiters[0]!.take("k"), 0);
  });

  it("keeps all replicas together within the points and one block each", async () => {
    const points = fc.integer({ min: 1, max: 300 });
    const requests = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 0, maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(points, requests, async (limit, replicaOfRequest) => {
        const { take } = setUp({ points: limit, replicas: 4 });
        let granted = 0;
        for (const replica of replicaOfRequest) if ((await take(replica)) === 0) granted += 1;
        assert.ok(granted <= limit + 4 * blockPointsOf(limit));
        assert.ok(granted >= Math.min(limit, replicaOfRequest.length) - 4 * blockPointsOf(limit));
      }),
      { numRuns: 50 },
    );
  });

  it("counts alone while the store is away, and reports what it granted when it is back", async () => {
    const { takeMany, store } = setUp({ points: 100, replicas: 2 });
    store.isAway = true;
    assert.equal(await takeMany(60), 60);
    store.isAway = false;
    assert.equal(await takeMany(60), 40);
    const second = await takeMany(100, 1);
    assert.ok(second <= 10, `${second}`);
    store.isAway = true;
    const alone = setUp({ points: 7 });
    alone.store.isAway = true;
    assert.equal(await alone.takeMany(100), 7);
  });

  it("remembers no more keys than it may, and forgets those whose window is over", async () => {
    const { limiters, take, clock } = setUp({ points: 10, keysMax: 100 });
    for (let index = 0; index < 1_000; index++) await take(0, `key ${index}`);
    assert.equal(limiters[0]!.keys, 100);
    clock.nowMs += 10_000;
    for (let index = 0; index < 60; index++) await take(0, `later ${index}`);
    assert.equal(limiters[0]!.keys, 60);
  });
});
