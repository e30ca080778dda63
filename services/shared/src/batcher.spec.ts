import assert from "node:assert/strict";
import { BatcherClosedError, CallerGoneError, createBatcher, QueueFullError } from "./batcher.ts";

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
