// Inventory as the booking's work sees it: one hold at a time here, batches on the wire.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { GrpcClient, InventoryService } from "#stubs";
import { createBatcher, type Batcher, type Caller } from "#shared/batcher";
import type { BatchMetrics } from "#shared/metrics";
import type { Hold, HoldCommandSchema, HoldOutcome } from "#gen/boxoffice/inventory/v1/inventory";
import { answerOf, type Answer } from "./answer.ts";
import type { BookingKey } from "./domain/booking.ts";
import type { Rest } from "./store/refunds.ts";

/** A hold to be made. */
export type HoldCommand = MessageInitShape<typeof HoldCommandSchema>;

type ReleaseOptions = {
  confirmedToo: boolean;
  keepBlocked?: boolean;
  /** What a confirmed hold goes on owning; nothing where undefined. */
  remainder?: Rest;
};

/** What reservation asks of inventory. */
export type Inventory = {
  /** Makes up to 500 holds in one call; answers in order. Throws ConnectError: then every outcome is unknown. */
  holdSeats(commands: HoldCommand[], options: { timeoutMs: number }): Promise<HoldOutcome[]>;
  /** Sells the seats of a live hold. */
  confirm(key: BookingKey): Promise<Answer<Hold>>;
  /**
   * Frees the seats of a hold, all but a remainder; sold ones too where `confirmedToo`, or keeps those from sale where
   * `keepBlocked`.
   */
  release(key: BookingKey, options: ReleaseOptions): Promise<Answer<Hold>>;
  /** Asks for at least `extendByMs` more, from now. */
  extend(key: BookingKey, options: { extendByMs: number }): Promise<Answer<Hold>>;
  /** Returns up to 500 holds as they stand; answers in order. Throws ConnectError. */
  getHolds(keys: BookingKey[]): Promise<HoldOutcome[]>;
  /** Waits for running batches. */
  close(): Promise<void>;
};

const bounds = { itemsMax: 500, queueMax: 10_000, inFlightMax: 4 };

/** Returns inventory behind `client`. Single calls share batches, and each call takes at most `timeoutMs`. */
export function createInventory(options: {
  client: GrpcClient<typeof InventoryService>;
  timeoutMs: number;
  metrics: BatchMetrics;
}): Inventory {
  const { client, timeoutMs, metrics } = options;
  const within = { timeoutMs };
  const patience = (): Caller => ({ deadlineAtMs: Date.now() + timeoutMs });

  const batched = <Item>(name: string, call: (items: Item[]) => Promise<{ outcomes: HoldOutcome[] }>) => {
    const batcher: Batcher<Item, HoldOutcome> = createBatcher({
      ...bounds,
      run: async (items) => (await call(items)).outcomes,
      onBatch: metrics.onBatch(name),
    });
    metrics.watchQueue(name, batcher);
    return batcher;
  };
  const confirms = batched("inventory_confirm", (items: BookingKey[]) =>
    client.confirmHolds({ keys: items.map(holdKey) }, within),
  );
  const releases = batched("inventory_release", (items: { key: BookingKey; options: ReleaseOptions }[]) =>
    client.releaseHolds({ commands: items.map(({ key, options }) => ({ key: holdKey(key), ...options })) }, within),
  );
  const extensions = batched("inventory_extend", (items: { key: BookingKey; extendByMs: number }[]) =>
    client.extendHolds(
      { commands: items.map(({ key, extendByMs }) => ({ key: holdKey(key), extendBy: durationFromMs(extendByMs) })) },
      within,
    ),
  );

  return {
    holdSeats: async (commands, { timeoutMs: callTimeoutMs }) =>
      (await client.holdSeats({ commands }, { timeoutMs: callTimeoutMs })).outcomes,
    confirm: (key) => answerOf(confirms.submit(key, patience())),
    release: (key, options) => answerOf(releases.submit({ key, options }, patience())),
    extend: (key, { extendByMs }) => answerOf(extensions.submit({ key, extendByMs }, patience())),
    getHolds: async (keys) => (await client.getHolds({ keys: keys.map(holdKey) }, within)).outcomes,
    close: async () => void (await Promise.all([confirms.close(), releases.close(), extensions.close()])),
  };
}

// A hold's id is the id of the reservation that it is made for.
function holdKey({ eventId, reservationId }: BookingKey) {
  return { eventId, holdId: reservationId };
}
