// What a step of the saga stands in: neighbours that answer as they are told, and a booking in any phase.

import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { RefusalReason } from "#stubs";
import { createRefusal } from "#shared/refusal";
import { HoldSchema, HoldState, type Hold } from "#gen/boxoffice/inventory/v1/inventory";
import {
  PaymentSchema,
  PaymentState,
  RefundSchema,
  type Payment,
  type Refund,
} from "#gen/boxoffice/payment/v1/payment";
import type { Answer } from "../src/answer.ts";
import type { Booking, Phase } from "../src/domain/booking.ts";
import type { SagaDeps } from "../src/saga-step.ts";

export const nowMs = 1_800_000_000_000;
export const unknown: Answer<never> = { kind: "unknown", error: new Error("lost") };

export type Answers = Partial<{
  [K in "authorize" | "capture" | "void" | "read"]: Answer<Payment>;
}> &
  Partial<{ refund: Answer<Refund> }> &
  Partial<{ [K in "confirm" | "release" | "extend" | "holdAgain"]: Answer<Hold> }>;

export function depsWith(answers: Answers, asked: string[] = []): SagaDeps {
  const answering =
    <T>(name: string, answer: Answer<T>) =>
    async () => {
      asked.push(name);
      return answer;
    };
  return {
    payments: {
      authorize: answering("authorize", answers.authorize ?? paid(PaymentState.AUTHORIZED)),
      capture: answering("capture", answers.capture ?? paid(PaymentState.CAPTURED)),
      void: answering("void", answers.void ?? paid(PaymentState.VOIDED)),
      refund: answering("refund", answers.refund ?? refund({ isDone: true })),
      read: answering("read", answers.read ?? paid(PaymentState.AUTHORIZED)),
      getPayments: async () => [],
    },
    inventory: {
      holdSeats: async () => [],
      holdAgain: answering("holdAgain", answers.holdAgain ?? hold(HoldState.HELD)),
      confirm: answering("confirm", answers.confirm ?? hold(HoldState.CONFIRMED)),
      release: answering("release", answers.release ?? hold(HoldState.RELEASED)),
      extend: answering("extend", answers.extend ?? hold(HoldState.HELD)),
      getHolds: async () => [],
      close: async () => {},
    },
    readRefund: async () => ({
      ...{ kind: "whole", amountMinor: 200, returnedMinor: 200, keepBlocked: false },
      rest: { places: 0, seats: [] },
    }),
    now: () => nowMs,
    newId: () => "new",
  };
}

export function bookingIn(phase: Phase): Booking {
  return {
    ...{ eventId: "event", reservationId: "reservation", customerId: "customer", areaId: "stalls" },
    ...{ quantity: 2, seats: "A:1,2", unitPriceMinor: 100, currency: "EUR", checkoutCount: 1, attempts: 0 },
    ...{ phase, phaseAt: new Date(nowMs), createdAt: new Date(nowMs), holdExpiresAt: new Date(nowMs + 600_000) },
    ...{ nextActionUrl: null, holdId: "reservation", endReason: null },
    ...{ paymentId: "payment", paymentMethodToken: "tok", refundId: "refund", confirmedAt: null, lapsed: false },
    refundedMinor: 0,
  };
}

export function refund({ isDone, pendingMs }: { isDone: boolean; pendingMs?: number }): Answer<Refund> {
  const times = {
    ...(isDone && { finishTime: timestampFromMs(nowMs) }),
    ...(pendingMs !== undefined && { retryAfter: durationFromMs(pendingMs) }),
  };
  return { kind: "known", value: create(RefundSchema, { refundId: "refund", ...times }) };
}

export function paid(
  state: PaymentState,
  fields: { declineReason?: string; nextActionUrl?: string } = {},
): Answer<Payment> {
  return { kind: "known", value: create(PaymentSchema, { state, ...fields }) };
}

export function hold(state: HoldState, expiresAtMs = nowMs + 600_000): Answer<Hold> {
  return { kind: "known", value: create(HoldSchema, { state, expireTime: timestampFromMs(expiresAtMs) }) };
}

export function refused(reason: RefusalReason): Answer<never> {
  return { kind: "refused", refusal: createRefusal(reason, "refused") };
}
