// Whether there is room for a call. Past it the gateway refuses at once instead of letting everybody wait, in the order of
// mercy: browsing is refused first, paying last.
//
// Two bounds. Calls of every kind count against `inFlightMax`, of which the less urgent may fill only a part. Calls that stand
// in one of the two queues (for reservations, and for reads) are bounded by the wait there as well, readers by half of what
// buyers may wait: where both need the same machine, the readers' limit shrinks first, because the buyers' queue is already
// longer than a reader may wait. Paying and cancelling stand in no queue of the gateway: how long they take is the payment
// provider's matter, and what is in their way are the other two.

import type { ConnectError } from "@connectrpc/connect";
import type { MethodPolicy, Priority, QueueName } from "../policy.ts";
import { overloadErrors } from "./overload-errors.ts";
import { createRetryDelays } from "./retry-delays.ts";
import { createWaitLimit, type WaitLimit } from "./wait-limit.ts";

/**
 * Why a call was refused: as many run as may (`full`), its queue is as long as may be (`wait`), or longer than the call has time
 * (`deadline`); later, because too many wait for a batch (`batch_queue`), or a batch takes longer than the call has left (`late`).
 */
export const shedReasons = ["full", "wait", "deadline", "batch_queue", "late"] as const;
export type ShedReason = (typeof shedReasons)[number];

/** The way in for the calls of one method. */
export type Gate = {
  /** Returns why a call with this much time is refused now, or undefined where there is room. Changes nothing. */
  refusalOf(timeoutMs: number): ShedReason | undefined;
  /** Counts a refusal and returns its error, which is shared: to be thrown or sent, not to be changed. */
  turnAway(reason: ShedReason): ConnectError;
  /** Lets a call in, to be matched by `leave`. */
  enter(): void;
  leave(): void;
};

/** Counts what runs, and what was refused. */
export type Admission = {
  /** Returns the gate of the methods with this policy. */
  gateOf(policy: Pick<MethodPolicy, "priority" | "queue">): Gate;
  /** To be told of what is completed. */
  readonly queues: Record<QueueName, WaitLimit>;
  /** Judges the queues; to be called every `tickIntervalMs`. */
  tick(nowMs: number): void;
  /** Calls in flight. */
  readonly inFlight: number;
  /** How many calls were refused so far. */
  shedCount(priority: Priority, reason: ShedReason): number;
};

const shareOf: Record<Priority, number> = { paying: 1, cancelling: 0.95, reserving: 0.9, browsing: 0.8 };

/** Returns an admission of at most `inFlightMax` calls, whose queues adapt between `inFlightMin` and that. */
export function createAdmission(options: {
  inFlightMin: number;
  inFlightMax: number;
  /** Milliseconds that a buyer may wait in an overload. */
  waitMs: number;
  /** True where more wait for batches of reservations than can begin in time. */
  isBatchQueueTooLong?: () => boolean;
  nowMs: number;
}): Admission {
  const { inFlightMin, inFlightMax, waitMs, isBatchQueueTooLong, nowMs } = options;
  const bounds = { floor: inFlightMin, ceiling: inFlightMax, nowMs };
  const queues = {
    reservations: createWaitLimit({ ...bounds, waitMs, isTooLong: isBatchQueueTooLong }),
    reads: createWaitLimit({ ...bounds, waitMs: waitMs / 2 }),
  };
  const retryDelays = createRetryDelays();
  const shed = new Map<Priority, Record<ShedReason, number>>();
  let inFlight = 0;
  let left = 0;

  function shedOf(priority: Priority): Record<ShedReason, number> {
    const known = shed.get(priority);
    if (known) return known;
    const counts = Object.fromEntries(shedReasons.map((reason) => [reason, 0])) as Record<ShedReason, number>;
    shed.set(priority, counts);
    return counts;
  }

  return {
    gateOf({ priority, queue: name }) {
      const queue = name && queues[name];
      const fullAt = inFlightMax * shareOf[priority];
      const counts = shedOf(priority);
      return {
        refusalOf(timeoutMs) {
          if (inFlight >= fullAt) return "full";
          return queue?.refusalOf(timeoutMs);
        },
        turnAway(reason) {
          counts[reason] += 1;
          // It was let in and leaves, but without an answer.
          if (reason === "batch_queue" || reason === "late") left -= 1;
          return overloadErrors[retryDelays.next()]!;
        },
        enter() {
          inFlight += 1;
          queue?.enter();
        },
        leave() {
          inFlight -= 1;
          left += 1;
          queue?.leave();
        },
      };
    },
    queues,
    tick(nowMs) {
      queues.reservations.tick(nowMs);
      queues.reads.tick(nowMs);
      retryDelays.tick(left);
      left = 0;
    },
    get inFlight() {
      return inFlight;
    },
    shedCount: (priority, reason) => shed.get(priority)?.[reason] ?? 0,
  };
}
