// The saga: for each phase that has work, the calls it guards and what is learned from them. The phase was written before;
// every call is idempotent by its key. So to resume after any crash is to run forward again from the written phase.

import { durationMs } from "@bufbuild/protobuf/wkt";
import { RefusalReason } from "#stubs";
import { assertNever } from "#shared/assert-never";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState, type Refund } from "#gen/boxoffice/payment/v1/payment";
import type { Answer } from "./answer.ts";
import { isFree, Phase, type Booking } from "./domain/booking.ts";
import { authorize } from "./saga-authorizing.ts";
import { again, learned, paymentIdOf, type Progress, type SagaDeps } from "./saga-step.ts";

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
    case PaymentState.ACTION_REQUIRED:
    case PaymentState.AUTHORIZED:
    case PaymentState.UNSPECIFIED:
      return again(answer);
    default:
      return assertNever(answer.value.state);
  }
}

// Void first, so that no late answer can leave money reserved; then the seats, sold ones too: a runner that was slow may
// have confirmed them after this one saw them lost. Once they are freed no late confirmation can succeed, and a second hold
// that a slow runner makes only now is never confirmed: see saga-authorizing.ts.
async function undo(booking: Booking, { payments, inventory, newId }: SagaDeps): Promise<Progress> {
  let declineReason: string | undefined;
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
    if (answer.value.state === PaymentState.DECLINED) declineReason = answer.value.declineReason || "declined";
  }
  const released = await inventory.release(booking, { confirmedToo: true });
  return isFreed(released) ? learned({ kind: "undone", ...(declineReason && { declineReason }) }) : again(released);
}

// The money first, then the places: one that is free again was paid back.
async function refund(booking: Booking, { payments, inventory, readRefund }: SagaDeps): Promise<Progress> {
  const running = await readRefund(booking);
  if (!running) return { kind: "again", because: "somebody else has finished the refund" };
  const { kind, rest, keepBlocked, ...part } = running;
  if (!isFree(booking)) {
    const { eventId, refundId } = booking;
    const answer = await payments.refund({ eventId, paymentId: paymentIdOf(booking), refundId: refundId!, ...part });
    // Nothing is left of it, though under another id: the money is back.
    const isBack = answer.kind === "refused" && answer.refusal.metadata["state"] === "REFUNDED";
    if (answer.kind === "known" && !answer.value.finishTime) return unfinished(answer.value);
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

// Some take days, or months where a dispute has to be decided first: payment says when it makes sense to ask again, and a webhook may end it sooner.
function unfinished({ retryAfter }: Refund): Progress {
  if (!retryAfter) return { kind: "again", because: "the refund is not known" };
  return {
    kind: "again",
    because: "the refund is pending at the provider, or waits for a dispute's end",
    notBeforeMs: durationMs(retryAfter),
  };
}

async function release(booking: Booking, { inventory }: SagaDeps): Promise<Progress> {
  const released = await inventory.release(booking, { confirmedToo: false });
  return isFreed(released) ? learned({ kind: "released" }) : again(released);
}

// A hold that inventory does not know holds nothing; whoever still makes it finds the booking gone and frees it.
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
