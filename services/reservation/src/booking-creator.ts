// Creating reservations: one call to inventory and one insert for a whole batch. No row is written before its hold: if
// this process dies in between, the hold's own end is the compensation, and the client's repeat finishes the job, since
// inventory answers a known key with the hold that it has.

import type { Refusal } from "#stubs";
import { createBatcher, type Caller } from "#shared/batcher";
import type { BatchMetrics } from "#shared/metrics";
import { isContentError, type Sql } from "#shared/sql";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { HoldState, type Hold } from "#gen/boxoffice/inventory/v1/inventory";
import type { CreateCommand } from "#gen/boxoffice/reservation/v1/reservation";
import { keyOf, Phase, type Booking } from "./domain/booking.ts";
import { encodeSeats } from "./domain/seats.ts";
import type { HoldCommand, Inventory } from "./inventory.ts";
import { insertBookings, type NewBooking } from "./store/insert-bookings.ts";
import { readBookings } from "./store/read-bookings.ts";

/** What became of a command. */
export type Created =
  | { kind: "booking"; booking: Booking }
  | { kind: "refused"; refusal: Refusal }
  /** The key names another customer's reservation. */
  | { kind: "keyReused" }
  /** Inventory holds or sold seats for a booking that this service lost. */
  | { kind: "inconsistent" };

/** Creates bookings. */
export type BookingCreator = {
  /** Holds seats and writes the booking. Throws what the batcher throws; the outcome is unknown after any other error. */
  create(command: CreateCommand, caller: Caller): Promise<Created>;
  /** Finishes what waits. */
  close(): Promise<void>;
};

const limits = { queueMax: 20_000, bytesMax: 60_000 };
const holdTimeoutMaxMs = 10_000;

/** Returns a creator. `command`s are valid and their ids in lower case. */
export function createBookingCreator(options: {
  sql: Sql;
  inventory: Pick<Inventory, "holdSeats">;
  metrics: BatchMetrics;
  /** Most bookings in a batch, and batches at once. */
  bounds: { itemsMax: number; inFlightMax: number };
}): BookingCreator {
  const { sql, inventory, metrics, bounds } = options;

  async function run(commands: CreateCommand[], deadlineAtMs: number): Promise<Created[]> {
    const timeoutMs = Math.min(holdTimeoutMaxMs, Math.max(1, deadlineAtMs - Date.now()));
    const outcomes = await inventory.holdSeats(commands.map(holdCommandFrom), { timeoutMs });
    if (outcomes.length !== commands.length) {
      throw new Error(`inventory gave ${outcomes.length} outcomes for ${commands.length} commands`);
    }
    const holds = outcomes.flatMap(({ outcome }) => (outcome.case === "hold" ? [outcome.value] : []));
    const bookings = await write(holds);
    return outcomes.map(({ outcome }, index): Created => {
      const command = commands[index]!;
      if (outcome.case === "refusal") return { kind: "refused", refusal: outcome.value };
      const booking = outcome.case === "hold" ? bookings.get(keyOf(command)) : undefined;
      if (!booking) return { kind: "inconsistent" };
      return booking.customerId === command.customerId ? { kind: "booking", booking } : { kind: "keyReused" };
    });
  }

  // Reads only what was known before: repeats are rare, and an insert that finds a row returns nothing of it.
  async function write(holds: Hold[]): Promise<Map<string, Booking>> {
    const fresh = holds.flatMap((hold) => newBookingFrom(hold) ?? []).sort(byKey);
    const inserted = fresh.length > 0 ? await insertBookings(sql, fresh) : [];
    const bookings = new Map(inserted.map((booking) => [keyOf(booking), booking]));
    const keys = holds.map(({ eventId, holdId }) => ({ eventId, reservationId: holdId }));
    const known = keys.filter((key) => !bookings.has(keyOf(key)));
    if (known.length > 0) {
      for (const booking of await readBookings(sql, known)) bookings.set(keyOf(booking), booking);
    }
    return bookings;
  }

  const batcher = createBatcher<CreateCommand, Created>({
    ...limits,
    ...bounds,
    run,
    sizeOf: bytesOf,
    isItemFault: isContentError,
    onBatch: metrics.onBatch("create"),
  });
  metrics.watchQueue("create", batcher);
  return { create: batcher.submit, close: batcher.close };
}

function holdCommandFrom({ eventId, reservationId, customerId, areaId, selection }: CreateCommand): HoldCommand {
  return { eventId, holdId: reservationId, customerId, areaId, selection };
}

// A hold that ended before its booking was written still gets one, expired: its key then answers the same for ever. A sold
// or refunded one had a booking before it was sold, so there is nothing to write.
function newBookingFrom(hold: Hold): NewBooking | undefined {
  const { eventId, customerId, areaId, quantity, unitPrice, state } = hold;
  if (state === HoldState.CONFIRMED || state === HoldState.REFUNDED) return undefined;
  return {
    eventId,
    reservationId: hold.holdId,
    customerId,
    areaId,
    quantity,
    seats: encodeSeats(hold.seats),
    unitPriceMinor: Number(unitPrice?.amountMinor ?? 0n),
    currency: unitPrice?.currencyCode ?? "",
    phase: state === HoldState.HELD ? Phase.held : Phase.expired,
    holdExpiresAt: timestampDate(hold.expireTime!),
  };
}

// In one order everywhere, so that batches which share keys wait for each other instead of deadlocking.
function byKey(a: NewBooking, b: NewBooking): number {
  const [left, right] =
    a.reservationId === b.reservationId ? [a.eventId, b.eventId] : [a.reservationId, b.reservationId];
  return left < right ? -1 : left > right ? 1 : 0;
}

// An upper bound of the command's bytes in a request: ids of 36, lengths and tags of two each, seats of row and number.
function bytesOf({ customerId, areaId, selection }: CreateCommand): number {
  let bytes = 100 + customerId.length + areaId.length;
  if (selection.case === "namedSeats") for (const { row } of selection.value.seats) bytes += 8 + row.length;
  return bytes;
}
