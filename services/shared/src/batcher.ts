// Group commit. While one batch runs the next one fills, and when it returns the next goes. A lone item therefore goes at
// once, and a rush makes large batches by itself. Another batch goes beside a running one only when it is full, since small
// batches side by side cost more than they save: each has its own calls, statements and commit.

/** Where an item's caller stands; items of callers who are gone are dropped before they start. */
export type Caller = {
  /** Epoch milliseconds after which nobody waits for the answer. */
  deadlineAtMs: number;
  /** True once the caller has gone away. */
  isGone?: () => boolean;
};

/** How a batcher works. */
export type BatcherOptions<Item, Outcome> = {
  /**
   * Runs one batch and returns an outcome for each item, in order. When it rejects, every item of the batch fails with
   * its error: the outcome of each is then unknown. `deadlineAtMs` is the latest of the items' deadlines.
   */
  run: (items: Item[], deadlineAtMs: number) => Promise<Outcome[]>;
  /** Most items in a batch. */
  itemsMax: number;
  /** Most items that wait; further ones are refused with QueueFullError. */
  queueMax: number;
  /** Most batches that run at once. All but the first are full, or start `patienceMs` after the one before. */
  inFlightMax: number;
  /** Most bytes in a batch, by `sizeOf`. A single larger item goes alone. */
  bytesMax?: number;
  /** Bytes of one item. */
  sizeOf?: (item: Item) => number;
  /** True for errors that one item's content causes: the batch is then halved and run again, until the item is alone. */
  isItemFault?: (error: unknown) => boolean;
  /**
   * Drop items that have less time left than a batch currently takes, with TooLateError: their answers would come too late.
   * Where no batch runs the next goes whatever it may take, so that a slow time that is over is not remembered for ever.
   */
  dropsTooLate?: boolean;
  /** Told of every finished batch: how long it ran, and how long its last item took from being submitted. */
  onBatch?: (items: number, durationMs: number, lastItemMs: number) => void;
  /** Milliseconds since the epoch; the system's clock where not set. */
  now?: () => number;
};

/** Milliseconds after the last batch's start when another goes beside it that is not full: the one that runs may hang. */
export const patienceMs = 250;

/** Collects items into batches. */
export type Batcher<Item, Outcome> = {
  /** Returns the item's outcome. Throws QueueFullError, CallerGoneError, TooLateError, BatcherClosedError, or what `run` threw. */
  submit(item: Item, caller: Caller): Promise<Outcome>;
  /** Items that wait to start. */
  readonly queued: number;
  /** Batches that run. */
  readonly inFlight: number;
  /**
   * Milliseconds that a batch takes now: the lesser of what the last one took and the mean of the latest, so that one slow
   * batch is no rule, or what the oldest that runs has taken, if that is more.
   */
  readonly batchMs: number;
  /** Takes no more items, runs what is queued, returns when all is done. */
  close(): Promise<void>;
};

/** The queue is at its maximum: nothing was started. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

/** The caller went away, or its deadline passed, before its item started: nothing was started. */
export class CallerGoneError extends Error {
  override readonly name = "CallerGoneError";
}

/** The item's answer would have come after its deadline: nothing was started. */
export class TooLateError extends Error {
  override readonly name = "TooLateError";
}

/** The batcher is closed: nothing was started. */
export class BatcherClosedError extends Error {
  override readonly name = "BatcherClosedError";
}

type Entry<Item, Outcome> = {
  item: Item;
  bytes: number;
  caller: Caller;
  submittedAtMs: number;
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
};

/** Returns a batcher. */
export function createBatcher<Item, Outcome>(options: BatcherOptions<Item, Outcome>): Batcher<Item, Outcome> {
  const { itemsMax, queueMax, inFlightMax, bytesMax = Infinity, sizeOf = () => 0, now = Date.now } = options;
  let queue: Entry<Item, Outcome>[] = [];
  let head = 0;
  let queuedBytes = 0;
  // When the batches that run were started, the oldest first.
  const running = new Set<{ startedMs: number }>();
  // How long a batch takes: the last one, and the mean of the latest.
  let lastMs = 0;
  let meanMs = 0;
  let lastStartMs = -Infinity;
  let scheduled = false;
  let patience: NodeJS.Timeout | undefined;
  let closed = false;
  let onIdle: (() => void)[] = [];

  const queued = () => queue.length - head;

  function submit(item: Item, caller: Caller): Promise<Outcome> {
    if (closed) return Promise.reject(new BatcherClosedError("closed"));
    if (queued() >= queueMax) return Promise.reject(new QueueFullError(`${queueMax} items wait already`));
    return new Promise((resolve, reject) => {
      const bytes = sizeOf(item);
      queue.push({ item, bytes, caller, submittedAtMs: now(), resolve, reject });
      queuedBytes += bytes;
      schedule();
    });
  }

  // One microtask later, so that items submitted in one turn of the event loop share a batch.
  function schedule(): void {
    if (scheduled || running.size >= inFlightMax) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      startBatches();
    });
  }

  function startBatches(): void {
    while (running.size < inFlightMax && queued() > 0 && mayStart()) {
      const entries = takeBatch();
      if (entries.length === 0) break;
      lastStartMs = now();
      const batch = { startedMs: lastStartMs };
      running.add(batch);
      void runBatch(entries).finally(() => {
        running.delete(batch);
        startBatches();
      });
    }
    if (running.size === 0 && queued() === 0) {
      for (const resolve of onIdle) resolve();
      onIdle = [];
    }
  }

  function mayStart(): boolean {
    if (running.size === 0 || queued() >= itemsMax || queuedBytes >= bytesMax) return true;
    const waitMs = lastStartMs + patienceMs - now();
    if (waitMs <= 0) return true;
    patience ??= setTimeout(
      () => {
        patience = undefined;
        startBatches();
      },
      Math.min(waitMs, patienceMs),
    ).unref();
    return false;
  }

  function takeBatch(): Entry<Item, Outcome>[] {
    const entries: Entry<Item, Outcome>[] = [];
    const nowMs = now();
    // The shorter of the two: one slow batch condemns nobody.
    const batchMs = options.dropsTooLate && running.size > 0 ? Math.min(lastMs, meanMs) : 0;
    let bytes = 0;
    while (head < queue.length && entries.length < itemsMax) {
      const entry = queue[head]!;
      const { deadlineAtMs, isGone } = entry.caller;
      const reason =
        deadlineAtMs <= nowMs || isGone?.()
          ? new CallerGoneError("the caller no longer waits")
          : deadlineAtMs < nowMs + batchMs
            ? new TooLateError("the answer would come too late")
            : undefined;
      if (!reason && entries.length > 0 && bytes + entry.bytes > bytesMax) break;
      head += 1;
      queuedBytes -= entry.bytes;
      if (reason) {
        entry.reject(reason);
        continue;
      }
      bytes += entry.bytes;
      entries.push(entry);
    }
    if (head === queue.length || head > 1024) {
      queue = queue.slice(head);
      head = 0;
    }
    return entries;
  }

  async function runBatch(entries: Entry<Item, Outcome>[]): Promise<void> {
    const startedMs = now();
    try {
      const outcomes = await options.run(
        entries.map((entry) => entry.item),
        entries.reduce((latest, entry) => Math.max(latest, entry.caller.deadlineAtMs), 0),
      );
      if (outcomes.length !== entries.length) {
        throw new Error(`a batch of ${entries.length} items returned ${outcomes.length} outcomes`);
      }
      entries.forEach((entry, index) => entry.resolve(outcomes[index]!));
    } catch (error) {
      if (entries.length > 1 && options.isItemFault?.(error)) {
        const middle = entries.length >> 1;
        await runBatch(entries.slice(0, middle));
        await runBatch(entries.slice(middle));
        return;
      }
      for (const entry of entries) entry.reject(error);
    }
    const endedMs = now();
    lastMs = endedMs - startedMs;
    meanMs += (lastMs - meanMs) / 4;
    options.onBatch?.(entries.length, lastMs, endedMs - entries.at(-1)!.submittedAtMs);
  }

  return {
    submit,
    get queued() {
      return queued();
    },
    get inFlight() {
      return running.size;
    },
    get batchMs() {
      const [oldest] = running;
      const usualMs = Math.min(lastMs, meanMs);
      return oldest ? Math.max(usualMs, now() - oldest.startedMs) : usualMs;
    },
    close() {
      closed = true;
      if (running.size === 0 && queued() === 0) return Promise.resolve();
      return new Promise((resolve) => onIdle.push(resolve));
    },
  };
}
