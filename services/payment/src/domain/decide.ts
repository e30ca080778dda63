// The state machine, first half: what a command means for a payment as it stands. Pure.

import { RefusalReason, type Refusal } from "#stubs";
import { assertNever } from "#shared/assert-never";
import { createRefusal } from "#shared/refusal";
import { PaymentState, stateName, type Order, type Payment, type PaymentKey } from "./payment.ts";

/** What a caller wants of a payment. */
export type Command = PaymentKey &
  (
    | { kind: "authorize"; order: Order; paymentMethodToken: string }
    | { kind: "capture" }
    | { kind: "void" }
    | { kind: "refund"; refundId: string }
  );

/** A write that takes effect only while nothing else has happened to the payment. */
export type Write =
  /** A new row, unless the key has one. */
  | { kind: "create"; key: PaymentKey; order: Order; paymentMethodToken: string }
  /** A row that says VOIDED, unless the key has one; a late authorisation can't revive it. */
  | { kind: "bury"; key: PaymentKey }
  /** Another state, if it is still `from`. */
  | { kind: "move"; key: PaymentKey; from: PaymentState; to: PaymentState; refundId?: string };

/** What to do next. */
export type Decision =
  | Write
  /** The intent is written: ask the provider, again if need be. */
  | { kind: "ask"; payment: Payment }
  /** Nothing is left to do. */
  | { kind: "answer"; payment: Payment }
  | { kind: "refuse"; refusal: Refusal };

/**
 * Returns the write that a command begins with when all is as its caller expects, so that the usual case costs no read.
 * Every write is conditional, and `decide` judges what it left, so a wrong guess costs one round trip and changes nothing.
 */
export function openingWrite(command: Command): Write {
  const key = keyOf(command);
  switch (command.kind) {
    case "authorize":
      return { kind: "create", key, order: command.order, paymentMethodToken: command.paymentMethodToken };
    case "capture":
      return { kind: "move", key, from: PaymentState.AUTHORIZED, to: PaymentState.CAPTURING };
    case "void":
      return { kind: "move", key, from: PaymentState.AUTHORIZED, to: PaymentState.VOIDING };
    case "refund":
      return {
        kind: "move",
        key,
        from: PaymentState.CAPTURED,
        to: PaymentState.REFUNDING,
        refundId: command.refundId,
      };
    default:
      return assertNever(command);
  }
}

/** Returns what a command does next, given the payment as it stands, or undefined where there is none. */
export function decide(payment: Payment | undefined, command: Command): Decision {
  switch (command.kind) {
    case "authorize":
      return decideAuthorize(payment, command);
    case "capture":
      return payment ? decideCapture(payment, command) : notFound();
    case "void":
      return payment ? decideVoid(payment, command) : { kind: "bury", key: keyOf(command) };
    case "refund":
      return payment ? decideRefund(payment, command) : notFound();
    default:
      return assertNever(command);
  }
}

function decideAuthorize(payment: Payment | undefined, command: Command & { kind: "authorize" }): Decision {
  if (!payment) return openingWrite(command);
  // A tombstone knows nothing of the request; whatever is asked under its key is void.
  if (payment.order && payment.order.requestHash !== command.order.requestHash) return keyReused("payment_id");
  switch (payment.state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.ACTION_REQUIRED:
      return { kind: "ask", payment };
    default:
      return { kind: "answer", payment };
  }
}

function decideCapture(payment: Payment, command: Command): Decision {
  switch (payment.state) {
    case PaymentState.AUTHORIZED:
      return openingWrite(command);
    case PaymentState.CAPTURING:
      return { kind: "ask", payment };
    case PaymentState.CAPTURED:
    case PaymentState.REFUNDING:
    case PaymentState.REFUNDED:
    // Declined as an authorisation or as a capture: a repeat hears what the first call heard.
    case PaymentState.DECLINED:
      return { kind: "answer", payment };
    default:
      return wrongState(payment);
  }
}

function decideVoid(payment: Payment, command: Command): Decision {
  switch (payment.state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.ACTION_REQUIRED:
    case PaymentState.AUTHORIZED:
      return { kind: "move", key: keyOf(command), from: payment.state, to: PaymentState.VOIDING };
    case PaymentState.VOIDING:
      return askWhenDue(payment);
    case PaymentState.VOIDED:
    case PaymentState.DECLINED:
      return { kind: "answer", payment };
    default:
      return wrongState(payment);
  }
}

function decideRefund(payment: Payment, command: Command & { kind: "refund" }): Decision {
  switch (payment.state) {
    case PaymentState.CAPTURED:
      return openingWrite(command);
    case PaymentState.REFUNDING:
    case PaymentState.REFUNDED:
      if (payment.refundId !== command.refundId) return keyReused("refund_id");
      return payment.state === PaymentState.REFUNDING ? askWhenDue(payment) : { kind: "answer", payment };
    default:
      return wrongState(payment);
  }
}

// A provider that refused for good is not asked again with every call.
function askWhenDue(payment: Payment): Decision {
  return { kind: payment.isRetryDue ? "ask" : "answer", payment };
}

function keyOf({ eventId, paymentId }: PaymentKey): PaymentKey {
  return { eventId, paymentId };
}

function notFound(): Decision {
  return { kind: "refuse", refusal: createRefusal(RefusalReason.NOT_FOUND, "there is no such payment") };
}

function wrongState(payment: Payment): Decision {
  const state = stateName(payment.state);
  return {
    kind: "refuse",
    refusal: createRefusal(RefusalReason.WRONG_STATE, `the payment is ${state}`, { metadata: { state } }),
  };
}

function keyReused(field: "payment_id" | "refund_id"): Decision {
  const message = `this payment is known with another ${field === "payment_id" ? "request" : "refund_id"}`;
  return { kind: "refuse", refusal: createRefusal(RefusalReason.IDEMPOTENCY_KEY_REUSED, message) };
}
