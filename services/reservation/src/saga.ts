// The saga: for each phase that has work, the calls it guards and what is learned from them. The phase was written before;
// every call is idempotent by its key. So to resume after any crash is to run forward again from the written phase.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import { RefusalReason, type Refusal } from "#stubs";
import { assertNever } from "#shared/assert-never";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import type { Answer } from "./answer.ts";
import { isFree, Phase, type Booking } from "./domain/booking.ts";
import type { RunningRefund } from "./store/refunds.ts";
import type { Command } from "./domain/transition.ts";
import type { Inventory } from "./inventory.ts";
import type { Payments } from "./payments.ts";

/** What a phase's calls came to. */
export type Progress =
  | { kind: "learned"; command: Command }
  /** Something is not known, or not yet done: the same phase again, later. */
  | { kind: "again"; because: unknown; holdExpiresAt?: Date };

/** What the saga works with. */
export type SagaDeps = {
  inventory: Inventory;
  payments: Payments;
  /** Returns a booking's running refund. Throws on failed I/O, and where there is none. */
  readRefund: (booking: Booking) => Promise<RunningRefund>;
  /** Milliseconds since the epoch; only decides when to ask for more time, never whether a hold is alive. */
  now: () => number;
  newId: () => string;
};

/** A hold with less than this left is prolonged before its payment is asked for. */
const holdLeftMinMs = 60_000;
const extendByMs = 120_000;
const worthWritingMs = 1_000;

/** Makes the calls of the booking's phase and returns what is known then. Throws for a phase without work. */
export async function advance(booking: Booking, deps: SagaDeps): Promise<Progress> {
  switch (booking.phase) {
    case Phase.authorizing:
      return await authorize(booking, deps);
    case Phase.capturing:
      return await capture(booking, deps);
    case Phase.voiding:
      return await undo(booking, deps);
    case Phase.refunding:
    case Phase.partRefunding:
      return await refund(booking, deps);
    case Phase.releasing:
      return await release(booking, deps);
    case Phase.held:
    case Phase.confirmed:
    case Phase.refunded:
    case Phase.cancelled:
    case Phase.expired:
      throw new Error(`phase ${booking.phase} has no work`);
    default:
      return assertNever(booking.phase);
  }
}

async function authorize(booking: Booking, deps: SagaDeps): Promise<Progress> {
  const { inventory, payments, now } = deps;
  if (booking.holdExpiresAt.getTime() - now() < holdLeftMinMs) {
    const extended = await inventory.extend(booking, { extendByMs });
    if (extended.kind === "refused") return learned({ kind: "seatsLost" });
    if (extended.kind === "unknown") return again(extended);
    const holdExpiresAt = timestampDate(extended.value.expireTime!);
    // Written before the payment is asked for, so that whoever carries on knows how long the seats are safe. Less than a
    // second is not worth it, and to a clock that is far ahead there would be a little more each time, for ever.
    if (holdExpiresAt.getTime() - booking.holdExpiresAt.getTime() >= worthWritingMs) {
      return { kind: "again", because: "the hold was prolonged", holdExpiresAt };
    }
  }
  if (!isFree(booking)) {
    const { paymentMethodToken } = booking;
    if (paymentMethodToken === null) throw new Error("an authorising booking has no payment method");
    const answer = await payments.authorize({ ...booking, paymentId: paymentIdOf(booking), paymentMethodToken });
    if (answer.kind === "unknown") return again(answer);
    const refusal = answer.kind === "refused" ? learnedFromAuthorizeRefusal(answer.refusal) : undefined;
    if (refusal) return refusal;
    const stop =
      answer.kind === "known" ? learnedFromPayment(answer.value.state, answer.value.declineReason) : undefined;
    if (stop) return stop;
  }
  const confirmed = await inventory.confirm(booking);
  switch (confirmed.kind) {
    case "known":
      return confirmed.value.state === HoldState.CONFIRMED ? learned({ kind: "seatsConfirmed" }) : again(confirmed);
    case "refused":
      return learned({ kind: "seatsLost" });
    case "unknown":
      return again(confirmed);
  }
}

/** Returns what an authorisation's answer leads to, or undefined when the seats may be confirmed. */
function learnedFromPayment(state: PaymentState, declineReason: string): Progress | undefined {
  switch (state) {
    case PaymentState.AUTHORIZED:
    case PaymentState.CAPTURING:
    case PaymentState.CAPTURED:
      return undefined;
    case PaymentState.DECLINED:
      return learned({ kind: "declined", reason: declineReason || "declined" });
    case PaymentState.AUTHORIZING:
    case PaymentState.UNSPECIFIED:
      return { kind: "again", because: "the authorisation is not known" };
    case PaymentState.VOIDING:
    case PaymentState.VOIDED:
    case PaymentState.REFUNDING:
    case PaymentState.REFUNDED:
      // Another runner gave up on it, or payment itself did. What was given back can't be authorised again.
      return learned({ kind: "seatsLost" });
    default:
      return assertNever(state);
  }
}

// A malformed request (an amount beyond payment's bounds, say) was never asked of the provider, so the hold stays. Any
// other refusal leaves open what stands under the key: give back whatever it is.
function learnedFromAuthorizeRefusal({ reason }: Refusal): Progress {
  return learned(
    reason === RefusalReason.INVALID_ARGUMENT ? { kind: "declined", reason: "invalid_request" } : { kind: "seatsLost" },
  );
}

async function capture(booking: Booking, { payments }: SagaDeps): Promise<Progress> {
  const answer = await payments.capture({ eventId: booking.eventId, paymentId: paymentIdOf(booking) });
  if (answer.kind === "refused") return learned({ kind: "captureRefused" });
  if (answer.kind === "unknown") return again(answer);
  switch (answer.value.state) {
    case PaymentState.CAPTURED:
      return learned({ kind: "captured" });
    case PaymentState.DECLINED:
    case PaymentState.VOIDING:
    case PaymentState.VOIDED:
    case PaymentState.REFUNDING:
    case PaymentState.REFUNDED:
      return learned({ kind: "captureRefused" });
    case PaymentState.CAPTURING:
    case PaymentState.AUTHORIZING:
    case PaymentState.AUTHORIZED:
    case PaymentState.UNSPECIFIED:
      return again(answer);
    default:
      return assertNever(answer.value.state);
  }
}

// Void first, so that no late answer can leave money reserved; then the seats, sold ones too: a runner that was slow may
// have confirmed them after this one saw them lost. Once they are freed no late confirmation can succeed.
async function undo(booking: Booking, { payments, inventory, newId }: SagaDeps): Promise<Progress> {
  if (!isFree(booking)) {
    const answer = await payments.void({ eventId: booking.eventId, paymentId: paymentIdOf(booking) });
    if (answer.kind === "unknown") return again(answer);
    if (answer.kind === "refused") {
      const captured = answer.refusal.reason === RefusalReason.WRONG_STATE;
      return captured ? learned({ kind: "voidRefused", refundId: newId() }) : again(answer);
    }
    if (answer.value.state !== PaymentState.VOIDED && answer.value.state !== PaymentState.DECLINED) {
      return again(answer);
    }
  }
  const released = await inventory.release(booking, { confirmedToo: true });
  return isFreed(released) ? learned({ kind: "undone" }) : again(released);
}

// The money first, then the places: one that is free again was paid back.
async function refund(booking: Booking, { payments, inventory, readRefund }: SagaDeps): Promise<Progress> {
  const { kind, rest, keepBlocked, ...part } = await readRefund(booking);
  if (!isFree(booking)) {
    const { eventId, refundId } = booking;
    const answer = await payments.refund({ eventId, paymentId: paymentIdOf(booking), refundId: refundId!, ...part });
    // Nothing is left of it, though under another id: the money is back.
    const isBack = answer.kind === "refused" && answer.refusal.metadata["state"] === "REFUNDED";
    if (answer.kind === "known" && !answer.value.finishTime)
      return { kind: "again", because: "the refund is not known" };
    if (answer.kind !== "known" && !isBack) return again(answer);
  }
  if (booking.phase === Phase.refunding) {
    const released = await inventory.release(booking, { confirmedToo: true, keepBlocked });
    return isFreed(released) ? learned({ kind: "refunded" }) : again(released);
  }
  if (kind !== "amount") {
    const released = await inventory.release(booking, { confirmedToo: true, keepBlocked, remainder: rest });
    if (released.kind !== "known" && !isFreed(released)) return again(released);
  }
  return learned({ kind: "partRefunded" });
}

async function release(booking: Booking, { inventory }: SagaDeps): Promise<Progress> {
  const released = await inventory.release(booking, { confirmedToo: false });
  return isFreed(released) ? learned({ kind: "released" }) : again(released);
}

// A hold that inventory does not know holds nothing.
function isFreed(answer: Answer<{ state: HoldState }>): boolean {
  switch (answer.kind) {
    case "known":
      return answer.value.state !== HoldState.HELD && answer.value.state !== HoldState.CONFIRMED;
    case "refused":
      return answer.refusal.reason === RefusalReason.NOT_FOUND;
    case "unknown":
      return false;
  }
}

function learned(command: Command): Progress {
  return { kind: "learned", command };
}

function again(answer: Answer<{ state: PaymentState | HoldState }>): Progress {
  switch (answer.kind) {
    case "known":
      return { kind: "again", because: `still in state ${answer.value.state}` };
    case "refused":
      return { kind: "again", because: `refused: ${RefusalReason[answer.refusal.reason]}` };
    case "unknown":
      return { kind: "again", because: answer.error };
  }
}

function paymentIdOf({ paymentId }: Booking): string {
  if (paymentId === null) throw new Error("a paying booking has no payment");
  return paymentId;
}
