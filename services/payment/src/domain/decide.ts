// The state machine, first half: what a command means for a payment as it stands. Pure.

import type { Refusal } from "#stubs";
import { assertNever } from "#shared/assert-never";
import { keyReused, notFound, wrongState } from "./refusals.ts";
import { PaymentState, type Order, type Payment, type PaymentKey } from "./payment.ts";

/** What a caller wants of a payment; refunds have a file of their own. */
export type Command = PaymentKey &
  ({ kind: "authorize"; order: Order; paymentMethodToken: string } | { kind: "capture" } | { kind: "void" });

/** A write that takes effect only while nothing else has happened to the payment. */
export type Write =
  /** A new row, unless the key has one. */
  | { kind: "create"; key: PaymentKey; order: Order; paymentMethodToken: string }
  /** A row that says VOIDED, unless the key has one; a late authorisation can't revive it. */
  | { kind: "bury"; key: PaymentKey }
  /** Another state, if it is still `from`. */
  | { kind: "move"; key: PaymentKey; from: PaymentState; to: PaymentState };

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
      return payment ? decideCapture(payment, command) : refuse(notFound());
    case "void":
      return payment ? decideVoid(payment, command) : { kind: "bury", key: keyOf(command) };
    default:
      return assertNever(command);
  }
}

function decideAuthorize(payment: Payment | undefined, command: Command & { kind: "authorize" }): Decision {
  if (!payment) return openingWrite(command);
  // A tombstone knows nothing of the request; whatever is asked under its key is void.
  if (payment.order && payment.order.requestHash !== command.order.requestHash) return refuse(keyReused("payment_id"));
  return payment.state === PaymentState.AUTHORIZING ? { kind: "ask", payment } : { kind: "answer", payment };
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
      return refuse(wrongState(payment));
  }
}

function decideVoid(payment: Payment, command: Command): Decision {
  switch (payment.state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.AUTHORIZED:
      return { kind: "move", key: keyOf(command), from: payment.state, to: PaymentState.VOIDING };
    case PaymentState.VOIDING:
      return { kind: "ask", payment };
    case PaymentState.VOIDED:
    case PaymentState.DECLINED:
      return { kind: "answer", payment };
    default:
      return refuse(wrongState(payment));
  }
}

function keyOf({ eventId, paymentId }: PaymentKey): PaymentKey {
  return { eventId, paymentId };
}

function refuse(refusal: Refusal): Decision {
  return { kind: "refuse", refusal };
}
