// Paying: the attempt is written, its saga runs in this process, and the caller waits for it as long as it can.

import { CallerGoneError, createBatcher, QueueFullError, type Caller } from "#shared/batcher";
import { assertNever } from "#shared/assert-never";
import type { BatchMetrics } from "#shared/metrics";
import { isContentError, violatedConstraint, type Sql } from "#shared/sql";
import { unknownOutcomeError } from "#shared/status";
import { EndReason, isFree, type Booking, type BookingKey, type BookingState } from "./domain/booking.ts";
import { answerOf, digestOf, type Checkout } from "./domain/checkout.ts";
import { decide } from "./domain/transition.ts";
import type { SagaRunner } from "./saga-runner.ts";
import { claimWaiting } from "./store/apply-moves.ts";
import { beginCheckouts, type BeginOutcome, type NewCheckout } from "./store/begin-checkouts.ts";
import { readStandings, type AttemptKey, type Standing } from "./store/read-standings.ts";
import { waitUntil } from "./wait.ts";

/** A request to pay. The token may be empty for what costs nothing. */
export type CheckoutRequest = AttemptKey & { paymentMethodToken: string };

/** What a request to pay came to. `paymentId` is empty for what costs nothing. */
export type CheckoutResult =
  | { kind: "paid"; booking: Booking; paymentId: string }
  /** The provider waits for the customer at the booking's `nextActionUrl`. */
  | { kind: "actionRequired"; booking: Booking; paymentId: string }
  | { kind: "declined"; reason: string }
  | {
      kind: "notFound" | "inProgress" | "keyReused" | "tooManyCheckouts" | "tokenMissing" | "overloaded";
    }
  | { kind: "holdExpired"; endReason: EndReason | null }
  | { kind: "wrongState"; state: BookingState };

/** Pays bookings. */
export type Checkouts = {
  /** Begins the attempt, or answers for the one that has its key. Throws on failed I/O; then the outcome is unknown. */
  pay(request: CheckoutRequest, caller: Caller): Promise<CheckoutResult>;
  /** Finishes what waits to be written. */
  close(): Promise<void>;
};

const bounds = { itemsMax: 200, queueMax: 2_000, inFlightMax: 2 };

/** The answer leaves this long before the caller's deadline, so that it arrives in time. */
const answerMarginMs = 200;

/** However often a customer repeats, the provider is asked at most this often how a payment stands. */
const lookPauseMs = 2_000;

/** Returns what pays bookings. */
export function createCheckouts(options: {
  sql: Sql;
  runner: SagaRunner;
  newId: () => string;
  leaseMs: number;
  /** Milliseconds after which a booking that waits for its customer is looked at by itself. */
  actionPollMs: number;
  metrics: BatchMetrics;
}): Checkouts {
  const { sql, runner, newId, leaseMs, actionPollMs, metrics } = options;
  const dueWithinMs = Math.max(0, actionPollMs - lookPauseMs);

  type Item = { attempt: NewCheckout; untilMs: number };

  // Sagas start before any outcome is handed out, so that a repeat in the same batch finds the one to wait for.
  async function begin(items: Item[]): Promise<BeginOutcome[]> {
    const attempts = items.map(({ attempt }) => attempt);
    const outcomes = await beginCheckouts(sql, attempts, { leaseMs }).catch((error: unknown) => {
      // While it waited for the booking's lock another attempt was begun and ended under one of these keys, which its
      // snapshot did not show. The next one does.
      if (violatedConstraint(error) !== "checkout_pkey") throw error;
      return beginCheckouts(sql, attempts, { leaseMs });
    });
    outcomes.forEach((outcome, index) => {
      if (outcome.kind === "begun") void runner.run(outcome.booking, { untilMs: items[index]!.untilMs });
    });
    return outcomes;
  }

  const batcher = createBatcher<Item, BeginOutcome>({
    ...bounds,
    run: begin,
    isItemFault: isContentError,
    onBatch: metrics.onBatch("checkout"),
  });
  metrics.watchQueue("checkout", batcher);
  const standings = createBatcher<AttemptKey, Standing>({
    ...bounds,
    run: (keys) => readStandings(sql, keys),
    isItemFault: isContentError,
    onBatch: metrics.onBatch("checkout_result"),
  });
  metrics.watchQueue("checkout_result", standings);
  // Attempts that are being written: each may become a saga.
  let beginning = 0;

  async function pay(request: CheckoutRequest, caller: Caller): Promise<CheckoutResult> {
    if (runner.free <= beginning) return { kind: "overloaded" };
    const tokenDigest = digestOf(request.paymentMethodToken);
    const untilMs = caller.deadlineAtMs - answerMarginMs;
    const attempt = { ...request, tokenDigest, paymentId: newId() };
    beginning += 1;
    const begun = await batcher.submit({ attempt, untilMs }, caller).finally(() => (beginning -= 1));
    if (begun.kind === "notBegun") {
      if (!begun.booking) return { kind: "notFound" };
      if (!begun.checkout) return refusalOf(begun.booking, request);
      const result = resultOf(begun.booking, begun.checkout, tokenDigest);
      if (result.kind === "actionRequired") await lookAgain(request, untilMs);
      else if (result.kind !== "inProgress") return result;
    }
    const run = runner.running(request);
    if (run) await waitUntil(run, untilMs);
    // It is over by now, or the caller's time is; the margin is for this reading.
    const standing = await standings.submit(request, { deadlineAtMs: caller.deadlineAtMs }).catch((error: unknown) => {
      // The attempt stands, whether or not there is room to read what came of it.
      if (error instanceof QueueFullError || error instanceof CallerGoneError) return undefined;
      throw error;
    });
    if (!standing) return { kind: "inProgress" };
    const { booking, checkout } = standing;
    // Seen once in a while connections to Postgres were cut again and again: it may have been begun all the same.
    if (!checkout || !booking) throw unknownOutcomeError(new Error("an attempt that was begun is not to be seen"));
    return resultOf(booking, checkout, tokenDigest);
  }

  // The customer may be back from the provider's page before the provider told of it.
  async function lookAgain(key: BookingKey, untilMs: number): Promise<void> {
    if (runner.running(key) || runner.free === 0) return;
    const waiting = await claimWaiting(sql, key, { leaseMs, dueWithinMs });
    // Others may have taken the room meanwhile: then it is the reconciler's.
    if (waiting && runner.free > 0) void runner.run(waiting, { untilMs });
  }

  return { pay, close: batcher.close };
}

function resultOf(booking: Booking, checkout: Checkout, tokenDigest: string): CheckoutResult {
  const answer = answerOf(checkout, tokenDigest);
  const paymentId = isFree(booking) ? "" : checkout.paymentId;
  switch (answer.kind) {
    case "paid":
      return { kind: "paid", booking, paymentId };
    case "inProgress":
      return booking.nextActionUrl === null ? answer : { kind: "actionRequired", booking, paymentId };
    case "holdExpired":
      return booking.endReason === EndReason.cancelled ? { kind: "wrongState", state: "CANCELLED" } : expired(booking);
    default:
      return answer;
  }
}

function refusalOf(booking: Booking, { paymentMethodToken }: CheckoutRequest): CheckoutResult {
  const decision = decide(booking, { kind: "checkout" });
  switch (decision.kind) {
    case "move":
      if (paymentMethodToken === "" && !isFree(booking)) return { kind: "tokenMissing" };
      // Another attempt ended between the refusal and this reading of it: ask again.
      return { kind: "inProgress" };
    case "holdExpired":
      return expired(booking);
    case "inProgress":
    case "tooManyCheckouts":
    case "wrongState":
      return decision;
    case "stay":
    case "paid":
      throw new Error("a checkout always changes something or is refused");
    default:
      return assertNever(decision);
  }
}

function expired({ endReason }: Booking): CheckoutResult {
  return { kind: "holdExpired", endReason };
}
