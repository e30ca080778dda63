// Inventory as the booking's work sees it: one hold at a time here, batches on the wire.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { GrpcClient, InventoryService } from "#stubs";
import { createBatcher, type Batcher, type Caller } from "#shared/batcher";
import type { BatchMetrics } from "#shared/metrics";
import type { Hold, HoldCommandSchema, HoldOutcome } from "#gen/boxoffice/inventory/v1/inventory";
import { answerOf, type Answer } from "./answer.ts";
import type { Booking } from "./domain/booking.ts";
import { parseSeats } from "./domain/seats.ts";
import type { Rest } from "./store/refunds.ts";

/** A hold to be made. */
export type HoldCommand = MessageInitShape<typeof HoldCommandSchema>;

/** Names a hold; a booking names its own. */
export type HoldRef = Pick<Booking, "eventId" | "holdId">;

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
  /**
   * Holds the very seats of a booking, or as many places, under its present `holdId`, in place of its first hold, which has
   * lapsed: also after the sale's end.
   */
  holdAgain(booking: Booking): Promise<Answer<Hold>>;
  /** Sells the seats of a live hold. */
  confirm(key: HoldRef): Promise<Answer<Hold>>;
  /**
   * Frees the seats of a hold, all but a remainder; sold ones too where `confirmedToo`, or keeps those from sale where
   * `keepBlocked`.
   */
  release(key: HoldRef, options: ReleaseOptions): Promise<Answer<Hold>>;
  /** Asks for at least `extendByMs` more, from now. */
  extend(key: HoldRef, options: { extendByMs: number }): Promise<Answer<Hold>>;
  /** Returns up to 500 holds as they stand; answers in order. Throws ConnectError. */
  getHolds(keys: HoldRef[]): Promise<HoldOutcome[]>;
  /** Waits for running batches. */
  close(): Promise<void>;
};

type Release = { key: HoldRef; options: ReleaseOptions };

const bounds = { itemsMax: 500, bytesMax: 60_000, queueMax: 10_000, inFlightMax: 4 };

/** Upper bound of a command's bytes in a request, its seats apart: two ids of 36, a duration or two flags, tags and lengths. */
const commandBytes = 100;

/** Returns inventory behind `client`. Single calls share batches, and each call takes at most `timeoutMs`. */
export function createInventory(options: {
  client: GrpcClient<typeof InventoryService>;
  timeoutMs: number;
  metrics: BatchMetrics;
}): Inventory {
  const { client, timeoutMs, metrics } = options;
  const within = { timeoutMs };
  const patience = (): Caller => ({ deadlineAtMs: Date.now() + timeoutMs });

  const batched = <Item>(
    name: string,
    call: (items: Item[]) => Promise<{ outcomes: HoldOutcome[] }>,
    sizeOf: (item: Item) => number = () => commandBytes,
  ) => {
    const batcher: Batcher<Item, HoldOutcome> = createBatcher({
      ...bounds,
      sizeOf,
      run: async (items) => (await call(items)).outcomes,
      onBatch: metrics.onBatch(name),
    });
    metrics.watchQueue(name, batcher);
    return batcher;
  };
  const confirms = batched("inventory_confirm", (items: HoldRef[]) =>
    client.confirmHolds({ keys: items.map(holdKey) }, within),
  );
  const releases = batched(
    "inventory_release",
    (items: Release[]) =>
      client.releaseHolds({ commands: items.map(({ key, options }) => ({ key: holdKey(key), ...options })) }, within),
    releaseBytes,
  );
  const extensions = batched("inventory_extend", (items: { key: HoldRef; extendByMs: number }[]) =>
    client.extendHolds(
      { commands: items.map(({ key, extendByMs }) => ({ key: holdKey(key), extendBy: durationFromMs(extendByMs) })) },
      within,
    ),
  );

  return {
    holdSeats: async (commands, { timeoutMs: callTimeoutMs }) =>
      (await client.holdSeats({ commands }, { timeoutMs: callTimeoutMs })).outcomes,
    holdAgain: (booking) =>
      answerOf(client.holdSeats({ commands: [holdAgainCommand(booking)] }, within).then(({ outcomes }) => outcomes[0])),
    confirm: (key) => answerOf(confirms.submit(key, patience())),
    release: (key, options) => answerOf(releases.submit({ key, options }, patience())),
    extend: (key, { extendByMs }) => answerOf(extensions.submit({ key, extendByMs }, patience())),
    getHolds: async (keys) => (await client.getHolds({ keys: keys.map(holdKey) }, within)).outcomes,
    close: async () => void (await Promise.all([confirms.close(), releases.close(), extensions.close()])),
  };
}

function holdKey({ eventId, holdId }: HoldRef) {
  return { eventId, holdId };
}

function releaseBytes({ options: { remainder } }: Release): number {
  return (remainder?.seats ?? []).reduce((sum, { row }) => sum + 8 + row.length, commandBytes);
}

function holdAgainCommand(booking: Booking): HoldCommand {
  const { eventId, reservationId, holdId, customerId, areaId, quantity, seats } = booking;
  const selection =
    seats === ""
      ? { case: "generalAdmission" as const, value: { quantity } }
      : { case: "namedSeats" as const, value: { seats: parseSeats(seats) } };
  return { eventId, holdId, customerId, areaId, selection, replacesHoldId: reservationId };
}
