import assert from "node:assert/strict";
import {
  BatcherClosedError,
  CallerGoneError,
  createBatcher,
  patienceMs,
  QueueFullError,
  TooLateError,
} from "./batcher.ts";

const patient = { deadlineAtMs: Number.MAX_SAFE_INTEGER };

describe("batcher", () => {
  it("runs a lone item at once", async () => {
    const batcher = createBatcher({ run: doubled, ...bounds() });
    assert.equal(await batcher.submit(21, patient), 42);
  });

  it("fills the next batch while one runs, and gives every item its own outcome", async () => {
    const gate = createGate();
    const sizes: number[] = [];
    const batcher = createBatcher<number, number>({
      ...bounds({ inFlightMax: 1 }),
      run: async (items) => {
        sizes.push(items.length);
        await gate.opened;
        return items.map((item) => item * 2);
      },
    });
    const first = batcher.submit(0, patient);
    await Promise.resolve();
    await Promise.resolve();
    const others = Array.from({ length: 99 }, (_, index) => batcher.submit(index + 1, patient));
    assert.equal(batcher.queued, 99);
    gate.open();
    assert.deepEqual(
      await Promise.all([first, ...others]),
      Array.from({ length: 100 }, (_, index) => index * 2),
    );
    assert.deepEqual(sizes, [1, 99]);
  });

  it("keeps batches within their items and bytes", async () => {
    const sizes: number[] = [];
    const run = async (items: number[]) => {
      sizes.push(items.length);
      return items;
    };
    const batcher = createBatcher({ ...bounds({ itemsMax: 3 }), run, bytesMax: 10, sizeOf: (item: number) => item });
    await Promise.all([4, 4, 4, 99, 1, 1, 1, 1].map((item) => batcher.submit(item, patient)));
    assert.deepEqual(sizes, [2, 1, 1, 3, 1]);
  });

  it("never runs more batches at once than it may", async () => {
    let running = 0;
    let most = 0;
    const batcher = createBatcher({
      ...bounds({ itemsMax: 1, inFlightMax: 2 }),
      run: async (items: number[]) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return items;
      },
    });
    await Promise.all([1, 2, 3, 4, 5].map((item) => batcher.submit(item, patient)));
    assert.equal(most, 2);
  });

  describe("beside a batch that runs", () => {
    function setUp(options: { bytesMax?: number } = {}) {
      const clock = { nowMs: 1_000 };
      const gate = createGate();
      const seen: number[][] = [];
      const batcher = createBatcher<number, number>({
        ...bounds({ itemsMax: 3, inFlightMax: 3 }),
        ...options,
        sizeOf: (item) => item,
        now: () => clock.nowMs,
        run: async (items) => {
          seen.push(items);
          await gate.opened;
          return items;
        },
      });
      const submit = (...items: number[]) => items.map((item) => batcher.submit(item, patient));
      return { batcher, clock, gate, seen, submit, turn: () => new Promise((resolve) => setImmediate(resolve)) };
    }

    it("starts full batches at once, and waits with one that is not", async () => {
      const { gate, seen, submit, turn } = setUp();
      const all = submit(1);
      await turn();
      all.push(...submit(2, 3));
      await turn();
      assert.deepEqual(seen, [[1]]);
      all.push(...submit(4, 5));
      await turn();
      assert.deepEqual(seen, [[1], [2, 3, 4]]);
      gate.open();
      await Promise.all(all);
      assert.deepEqual(seen, [[1], [2, 3, 4], [5]]);
    });

    it("counts a batch as full by its bytes too", async () => {
      const { gate, seen, submit, turn } = setUp({ bytesMax: 10 });
      const all = submit(1);
      await turn();
      all.push(...submit(6, 5));
      await turn();
      assert.deepEqual(seen, [[1], [6]]);
      gate.open();
      await Promise.all(all);
      assert.deepEqual(seen, [[1], [6], [5]]);
    });

    it("waits no longer than its patience: the one that runs may hang", async () => {
      const { batcher, clock, gate, seen, submit, turn } = setUp();
      const all = submit(1);
      await turn();
      all.push(...submit(2));
      await turn();
      assert.equal(batcher.inFlight, 1);
      clock.nowMs += patienceMs;
      while (batcher.inFlight < 2) await turn();
      assert.deepEqual(seen, [[1], [2]]);
      gate.open();
      await Promise.all(all);
    });
  });

  it("refuses an item when the queue is full, and starts nothing for it", async () => {
    const gate = createGate();
    const batcher = createBatcher({
      ...bounds({ queueMax: 2, inFlightMax: 1 }),
      run: (items: number[]) => gate.opened.then(() => items),
    });
    const running = batcher.submit(1, patient);
    await Promise.resolve();
    await Promise.resolve();
    const waiting = [batcher.submit(2, patient), batcher.submit(3, patient)];
    await assert.rejects(batcher.submit(4, patient), QueueFullError);
    gate.open();
    assert.deepEqual(await Promise.all([running, ...waiting]), [1, 2, 3]);
  });

  it("drops items whose caller is gone or late before they start", async () => {
    const seen: number[] = [];
    const batcher = createBatcher({
      ...bounds(),
      run: async (items: number[]) => {
        seen.push(...items);
        return items;
      },
    });
    const late = batcher.submit(1, { deadlineAtMs: Date.now() - 1 });
    const gone = batcher.submit(2, { ...patient, isGone: () => true });
    const here = batcher.submit(3, patient);
    await assert.rejects(late, CallerGoneError);
    await assert.rejects(gone, CallerGoneError);
    await here;
    assert.deepEqual(seen, [3]);
  });

  it("asks a caller that is an object of a class, too, whether it is gone", async () => {
    class Client {
      readonly deadlineAtMs = patient.deadlineAtMs;
      private readonly left: boolean;
      constructor(left: boolean) {
        this.left = left;
      }
      isGone(): boolean {
        return this.left;
      }
    }
    const batcher = createBatcher({ run: doubled, ...bounds() });
    const [gone, here] = [batcher.submit(1, new Client(true)), batcher.submit(2, new Client(false))];
    await assert.rejects(gone, CallerGoneError);
    assert.equal(await here, 4);
  });

  describe("that drops what would come too late", () => {
    // Batches that a test ends one by one, on a clock of its own.
    function setUp(dropsTooLate: boolean, itemsMax = 1) {
      const clock = { nowMs: 1_000 };
      const ends: (() => void)[] = [];
      const seen: number[][] = [];
      const told: number[][] = [];
      const batcher = createBatcher<number, number>({
        ...bounds({ itemsMax, inFlightMax: 2 }),
        now: () => clock.nowMs,
        dropsTooLate,
        run: async (items) => {
          seen.push(items);
          await new Promise<void>((resolve) => ends.push(resolve));
          return items;
        },
        onBatch: (items, durationMs, lastItemMs) => told.push([items, durationMs, lastItemMs]),
      });
      const submit = (item: number, msLeft: number) => batcher.submit(item, { deadlineAtMs: clock.nowMs + msLeft });
      const endOne = async (afterMs: number) => {
        clock.nowMs += afterMs;
        ends.shift()!();
        await new Promise((resolve) => setImmediate(resolve));
      };
      return { batcher, submit, endOne, seen, told, turn: () => new Promise((resolve) => setImmediate(resolve)) };
    }

    it("starts nothing for an item that has less time left than a batch takes", async () => {
      const { submit, endOne, seen, turn } = setUp(true);
      for (let round = 0; round < 8; round++) {
        const slow = submit(0, 10_000);
        await turn();
        await endOne(300);
        await slow;
      }
      const running = submit(1, 10_000);
      await turn();
      const [late, early] = [submit(2, 200), submit(3, 400)];
      await assert.rejects(late, TooLateError);
      await endOne(0);
      await endOne(0);
      assert.deepEqual(await Promise.all([running, early]), [1, 3]);
      assert.deepEqual(seen.slice(8), [[1], [3]]);
    });

    it("starts a lone batch whatever the last ones took, so that it learns when a slow time is over", async () => {
      const { submit, endOne, turn } = setUp(true);
      for (const takesMs of [5_000, 5_000, 5_000, 0]) {
        const alone = submit(1, 100);
        await turn();
        await endOne(takesMs);
        assert.equal(await alone, 1);
      }
    });

    it("forgives one slow batch", async () => {
      const { submit, endOne, turn } = setUp(true);
      const first = submit(1, 10_000);
      await turn();
      await endOne(4_000);
      await first;
      const running = submit(2, 10_000);
      await turn();
      const hasty = submit(3, 1_500);
      await turn();
      await endOne(0);
      await endOne(0);
      assert.deepEqual(await Promise.all([running, hasty]), [2, 3]);
    });

    it("drops nothing where it is not asked to", async () => {
      const { submit, endOne, turn } = setUp(false);
      for (const item of [1, 2]) {
        const slow = submit(item, 10_000);
        await turn();
        await endOne(1_000);
        await slow;
      }
      const running = submit(3, 10_000);
      await turn();
      const hasty = submit(4, 10);
      await turn();
      await endOne(0);
      await endOne(0);
      assert.deepEqual(await Promise.all([running, hasty]), [3, 4]);
    });

    it("tells how long a batch ran, and how long the last that joined it has waited in all", async () => {
      const { submit, endOne, told, turn } = setUp(true, 500);
      const running = [submit(1, 10_000)];
      await turn();
      running.push(submit(2, 10_000));
      await endOne(100);
      running.push(submit(3, 10_000), submit(4, 10_000));
      await endOne(50);
      await endOne(25);
      await Promise.all(running);
      assert.deepEqual(told, [
        [1, 100, 100],
        [1, 50, 150],
        [2, 25, 75],
      ]);
    });
  });

  it("finds the one item at fault and lets its 499 neighbours succeed", async () => {
    class Fault extends Error {}
    const batcher = createBatcher({
      ...bounds({ itemsMax: 500 }),
      run: async (items: number[]) => {
        if (items.includes(123)) throw new Fault("poison");
        return items;
      },
      isItemFault: (error) => error instanceof Fault,
    });
    const results = await Promise.allSettled(Array.from({ length: 500 }, (_, item) => batcher.submit(item, patient)));
    assert.deepEqual(
      results.flatMap((result, item) => (result.status === "rejected" ? [item] : [])),
      [123],
    );
  });

  it("fails the whole batch when the fault is not an item's, and when outcomes are missing", async () => {
    const broken = createBatcher({ ...bounds(), run: () => Promise.reject(new Error("connection lost")) });
    await assert.rejects(broken.submit(1, patient), /connection lost/);
    const short = createBatcher({ ...bounds(), run: async () => [] });
    await assert.rejects(short.submit(1, patient), /returned 0 outcomes/);
  });

  it("finishes what is queued when it is closed, and takes no more", async () => {
    const gate = createGate();
    const batcher = createBatcher({
      ...bounds({ itemsMax: 1, inFlightMax: 1 }),
      run: (items: number[]) => gate.opened.then(() => items),
    });
    const accepted = [batcher.submit(1, patient), batcher.submit(2, patient)];
    const closed = batcher.close();
    await assert.rejects(batcher.submit(3, patient), BatcherClosedError);
    gate.open();
    assert.deepEqual(await Promise.all(accepted), [1, 2]);
    await closed;
  });
});

function bounds(changed: Partial<{ itemsMax: number; queueMax: number; inFlightMax: number }> = {}) {
  return { itemsMax: 500, queueMax: 10_000, inFlightMax: 2, ...changed };
}

async function doubled(items: number[]): Promise<number[]> {
  return items.map((item) => item * 2);
}

function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
