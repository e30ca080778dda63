// Runs sagas: a bounded number in this process, each phase written before its calls. What is not finished here, because
// answers stay away or the process ends, the reconciler of any replica takes up.

import { setTimeout as sleep } from "node:timers/promises";
import { assertNever } from "#shared/assert-never";
import type { Batcher } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import { Counter, Gauge, type Registry } from "#shared/metrics";
import { backoffMs } from "./domain/backoff.ts";
import { isUnfinished, keyOf, phaseNames, type Booking, type BookingKey } from "./domain/booking.ts";
import { decide, type Command } from "./domain/transition.ts";
import { isActionOver } from "./saga-authorizing.ts";
import type { Progress, SagaDeps } from "./saga-step.ts";
import { advance } from "./saga.ts";
import type { Move } from "./store/apply-moves.ts";

/** Runs sagas. */
export type SagaRunner = {
  /**
   * Carries an unfinished booking on, and repeats what stays unknown until `untilMs` (epoch milliseconds). Resolves when
   * the booking is finished, or was left to the reconciler; never rejects. The same work, if it runs here already, is joined;
   * with `isHint`, since the payment or its refund is said to have moved, it is not left before payment was asked once more.
   */
  run(booking: Booking, options: { untilMs: number; isHint?: boolean }): Promise<void>;
  /** The latest run of this booking in this process, if there is one. */
  running(key: BookingKey): Promise<void> | undefined;
  /** Bookings whose present step began at `sinceMs` (epoch milliseconds) or before. */
  lasting(sinceMs: number): Booking[];
  /** How many more may be started. */
  readonly free: number;
  /** Lets running calls finish, repeats none of them, and returns when all have stopped. */
  stop(): Promise<void>;
};

/** What runs sagas. */
export type SagaRunnerDeps = SagaDeps & {
  moves: Pick<Batcher<Move, Booking | undefined>, "submit">;
  /** Milliseconds that a written step keeps the reconciler away; the lease keeper prolongs it while calls take long. */
  leaseMs: number;
  /** Milliseconds until a booking that waits for its customer is looked at again, unless somebody hears of it before. */
  actionPollMs: number;
  /** Most sagas at once. */
  sagasMax: number;
  /** At least 0, below 1. */
  random: () => number;
  log: Logger;
  metrics: Registry;
};

type Run = {
  current: Booking;
  stepAtMs: number;
  /** Since the present step began somebody heard that the payment, or its refund, has moved. */
  isHinted: boolean;
  /** The step before wrote that the refund takes long. */
  isWaitWritten: boolean;
  ended: Promise<void>;
};

const writeTimeoutMs = 5_000;

/** Returns a runner. */
export function createSagaRunner(deps: SagaRunnerDeps): SagaRunner {
  const { inventory, moves, leaseMs, actionPollMs, sagasMax, now, random, log, metrics } = deps;
  const runs = new Map<string, Run>();
  const stopping = new AbortController();

  const steps = new Counter({
    name: "boxoffice_saga_steps_total",
    help: "Steps of bookings by the phase they left and what came of them.",
    labelNames: ["phase", "result"],
    registers: [metrics],
  });
  new Gauge({
    name: "boxoffice_sagas_running",
    help: "Bookings that this process works on.",
    registers: [metrics],
    collect() {
      this.set(runs.size);
    },
  });

  async function carryOn(run: Run, untilMs: number): Promise<void> {
    while (isUnfinished(run.current.phase) && !stopping.signal.aborted) {
      run.stepAtMs = now();
      run.isHinted = false;
      const next = await takeStep(run, untilMs);
      if (!next) return;
      run.current = next;
    }
  }

  /** Returns the booking after one step; undefined when it moved on elsewhere or was left to the reconciler. */
  async function takeStep(run: Run, untilMs: number): Promise<Booking | undefined> {
    const booking = run.current;
    const progress = await advance(booking, deps);
    switch (progress.kind) {
      case "again":
        return await repeat(run, untilMs, progress);
      case "noted":
        return await note(booking, progress);
      case "waiting":
        return await rest(run, progress.nextActionUrl);
      case "learned":
        return await learn(booking, progress.command);
      default:
        return assertNever(progress);
    }
  }

  // Minutes, perhaps: nothing of it stays in this process. But a hint that came before this was written found nobody who
  // waited, or joined this run, which had asked already. Payment knew before the hint was sent; it never waits again.
  async function rest(run: Run, nextActionUrl: string): Promise<Booking | undefined> {
    const { current } = run;
    steps.inc({ phase: phaseNames[current.phase], result: "waiting" });
    const waiting = await write({ from: current, to: current.phase, leaseMs: actionPollMs, nextActionUrl });
    if (!waiting) return undefined;
    const hasMoved = await isActionOver(waiting, deps);
    return hasMoved || run.isHinted ? waiting : undefined;
  }

  async function learn(booking: Booking, command: Command): Promise<Booking | undefined> {
    const decision = decide(booking, command);
    if (decision.kind !== "move") throw new Error(`phase ${booking.phase} does not take "${command.kind}"`);
    steps.inc({ phase: phaseNames[booking.phase], result: command.kind });
    const { kind: _, ...move } = decision;
    const goesOn = stopping.signal.aborted ? 0 : leaseMs;
    return await write({ from: booking, ...move, leaseMs: isUnfinished(move.to) ? goesOn : null });
  }

  async function note(
    booking: Booking,
    { because, holdExpiresAt, holdId, isHoldNew, hasActed }: Progress & { kind: "noted" },
  ): Promise<Booking | undefined> {
    steps.inc({ phase: phaseNames[booking.phase], result: because });
    const next = await write({ from: booking, to: booking.phase, leaseMs, holdExpiresAt, holdId, hasActed });
    // Whoever gave the booking up may have asked for this before there was anything to free; a hold that was sold stays. It
    // is tried once: a hold that nobody knows of lapses.
    if (!next && isHoldNew) await inventory.release(booking, { confirmedToo: false });
    return next;
  }

  // A wait longer than a lease is written first, and then payment is asked once more, as in `rest` and for the same hints.
  async function repeat(
    run: Run,
    untilMs: number,
    { because, notBeforeMs = 0 }: Progress & { kind: "again" },
  ): Promise<Booking | undefined> {
    const booking = run.current;
    const isLong = notBeforeMs > leaseMs;
    if (isLong && run.isWaitWritten && !run.isHinted) return undefined;
    run.isWaitWritten = isLong;
    const delayMs = Math.max(backoffMs(booking.attempts, random()), notBeforeMs);
    const stays = now() + delayMs < untilMs && !stopping.signal.aborted;
    steps.inc({ phase: phaseNames[booking.phase], result: "again" });
    logRepeat(booking, because);
    const next = await write({ from: booking, to: booking.phase, leaseMs: stays ? delayMs + leaseMs : delayMs });
    if (isLong) return next;
    if (!next || !stays) return undefined;
    await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
    return next;
  }

  function logRepeat({ eventId, reservationId, phase, attempts }: Booking, because: unknown): void {
    const reason = because instanceof Error ? because.message : because;
    log.info({ event: "saga.again", eventId, reservationId, phase: phaseNames[phase], attempts, reason });
  }

  const write = (move: Move) => moves.submit(move, { deadlineAtMs: Date.now() + writeTimeoutMs });

  return {
    run(booking, { untilMs, isHint = false }) {
      const key = keyOf(booking);
      const known = runs.get(key);
      if (known && isSameWork(known.current, booking)) {
        known.isHinted ||= isHint;
        return known.ended;
      }
      const ended = Promise.resolve();
      const run: Run = { current: booking, stepAtMs: now(), isHinted: false, isWaitWritten: false, ended };
      const carried = carryOn(run, untilMs)
        .catch((error: unknown) => {
          const { eventId, reservationId, phase } = run.current;
          log.error({ event: "saga.failed", eventId, reservationId, phase: phaseNames[phase], error });
        })
        .finally(() => {
          if (runs.get(key) === run) runs.delete(key);
        });
      run.ended = Promise.all([known?.ended, carried]).then(() => {});
      runs.set(key, run);
      return run.ended;
    },
    running: (key) => runs.get(keyOf(key))?.ended,
    lasting: (sinceMs) => [...runs.values()].filter((run) => run.stepAtMs <= sinceMs).map((run) => run.current),
    get free() {
      return Math.max(0, sagasMax - runs.size);
    },
    async stop() {
      stopping.abort();
      await Promise.all([...runs.values()].map((run) => run.ended));
    },
  };
}

// A run hears of its last write later than the database: the booking's next attempt or cancellation may be here first, and
// must not be taken for what is just ending. Two runs of one booking do no harm; a run too few waits for the lease.
function isSameWork(a: Booking, b: Booking): boolean {
  return a.phase === b.phase && a.paymentId === b.paymentId && a.refundId === b.refundId;
}
