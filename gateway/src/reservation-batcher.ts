// Gathers reservations that are asked for at the same moment into one call to reservation.

import type { CreateCommand, ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";
import { createBatcher, type Batcher } from "#shared/batcher";
import { createBatchMetrics, type Registry } from "#shared/metrics";
import type { Backends } from "./backends.ts";
import type { SoldOutNotes } from "./overload/sold-out-notes.ts";
import type { WaitLimit } from "./overload/wait-limit.ts";

/** Submits commands and returns their outcomes. */
export type ReservationBatcher = Batcher<CreateCommand, ReservationOutcome>;

/** Bound of a batch; reservation refuses larger ones, and ones of more than 500 items. */
const bytesMax = 60_000;

/**
 * Returns a batcher that lets `inFlightMax` batches run at once and `queueMax` commands wait. It tells `queue` what was
 * answered and `notes` what is sold out.
 */
export function createReservationBatcher(options: {
  backends: Pick<Backends, "reservation">;
  metrics: Registry;
  itemsMax: number;
  queueMax: number;
  inFlightMax: number;
  queue: Pick<WaitLimit, "completed">;
  notes: Pick<SoldOutNotes, "learn">;
}): ReservationBatcher {
  const { backends, itemsMax, queueMax, inFlightMax, queue, notes } = options;
  const metrics = createBatchMetrics(options.metrics);
  const count = metrics.onBatch("create_reservations");
  const batcher = createBatcher<CreateCommand, ReservationOutcome>({
    run: async (commands, deadlineAtMs) => {
      const timeoutMs = Math.max(0, deadlineAtMs - Date.now());
      const sentAtMs = performance.now();
      const { outcomes } = await backends.reservation.createReservations({ commands }, { timeoutMs });
      outcomes.forEach(({ outcome }, index) => notes.learn(commands[index]!, outcome, sentAtMs));
      return outcomes;
    },
    itemsMax,
    bytesMax,
    sizeOf: commandBytesMax,
    queueMax,
    inFlightMax,
    dropsTooLate: true,
    onBatch: (items, durationMs, lastItemMs) => {
      count(items, durationMs);
      queue.completed(items, lastItemMs);
    },
  });
  metrics.watchQueue("create_reservations", batcher);
  return batcher;
}

/**
 * Returns an upper bound of a validated command's encoded size, in bytes, without encoding it: its texts are ASCII, every
 * field costs at most five bytes beside its content, and a seat's number takes two.
 */
export function commandBytesMax({ eventId, reservationId, customerId, areaId, selection }: CreateCommand): number {
  const bytes = 40 + eventId.length + reservationId.length + customerId.length + areaId.length;
  if (selection.case !== "namedSeats") return bytes;
  return selection.value.seats.reduce((sum, seat) => sum + 8 + seat.row.length, bytes);
}
