import assert from "node:assert/strict";
import fc from "fast-check";
import { RefusalReason } from "#stubs";
import { PaymentState, type Payment } from "./payment.ts";
import { decideRefund, refundRequestOf, type Refund, type RefundPart } from "./refund.ts";

const key = { eventId: "e", paymentId: "p" };
const order = {
  ...{ reservationId: "r", customerId: "c", areaId: "a", amountMinor: 100, currencyCode: "EUR" },
  ...{ requestHash: "h", provider: "sandbox" },
};
const captured: Payment = {
  ...{ ...key, state: PaymentState.CAPTURED, order, paymentMethodToken: undefined, authorizationRef: "auth" },
  ...{ actionUrl: undefined, captureRef: "cap", declineReason: undefined, refundedMinor: 0, returnedMinor: 0 },
  ...{ refundPendingSince: undefined, refusals: 0, isRetryDue: true, createdAt: new Date(0) },
};
const done: Refund = {
  ...{ refundId: "f", whole: false, amountMinor: 30, returnedMinor: 25 },
  ...{ createdAt: new Date(0), finishedAt: new Date(1), refusals: 0, isRetryDue: true, waitsForDispute: false },
  ...{
    coveredMinor: 0,
    coveredInAllMinor: 0,
    repays: undefined,
    owedSince: undefined,
    bookedRefs: ["re_0"],
    pendingSince: undefined,
    retryAfterMs: undefined,
  },
};
const told = (payment: Payment | undefined, refunds: Refund[], refundId: string, part: RefundPart | undefined) => {
  const decision = decideRefund(payment, refunds, { ...key, refundId, part });
  if (decision.kind === "begin") return `${decision.part.amountMinor} for ${decision.part.returnedMinor}`;
  return decision.kind === "refuse" ? RefusalReason[decision.refusal.reason] : decision.kind;
};

describe("a refund", () => {
  it("is what was asked for, or whatever is left where nothing was named", () => {
    const after = { ...captured, refundedMinor: 30, returnedMinor: 25 };
    assert.equal(told(captured, [], "g", undefined), "100 for 100");
    assert.equal(told(after, [done], "g", undefined), "70 for 75");
    assert.equal(told(after, [done], "g", { amountMinor: 70, returnedMinor: 0 }), "70 for 0");
  });

  it("is never more than is left, in money or in seats", () => {
    const after = { ...captured, refundedMinor: 30, returnedMinor: 25 };
    assert.equal(told(after, [done], "g", { amountMinor: 71, returnedMinor: 0 }), "REFUND_EXCEEDS_PAYMENT");
    assert.equal(told(after, [done], "g", { amountMinor: 0, returnedMinor: 76 }), "REFUND_EXCEEDS_PAYMENT");
    assert.equal(told(captured, [], "g", { amountMinor: 101, returnedMinor: 100 }), "REFUND_EXCEEDS_PAYMENT");
  });

  it("of what is refunded in full gives seats back at most, and no money", () => {
    const paidBack = { ...captured, state: PaymentState.REFUNDED, refundedMinor: 100, returnedMinor: 25 };
    assert.equal(told(paidBack, [done], "g", { amountMinor: 1, returnedMinor: 0 }), "WRONG_STATE");
    assert.equal(told(paidBack, [done], "g", { amountMinor: 0, returnedMinor: 75 }), "0 for 75");
    assert.equal(told(paidBack, [done], "g", undefined), "0 for 75");
    assert.equal(told({ ...paidBack, returnedMinor: 100 }, [done], "g", undefined), "WRONG_STATE");
  });

  it("gives something back, money or seats: of nothing the ledger could post nothing", () => {
    const nothing = { amountMinor: 0, returnedMinor: 0 };
    const paidBack = { ...captured, state: PaymentState.REFUNDED, refundedMinor: 100, returnedMinor: 25 };
    assert.equal(told(captured, [], "g", nothing), "INVALID_ARGUMENT");
    assert.equal(told(paidBack, [done], "g", nothing), "INVALID_ARGUMENT");
    const free = { ...captured, order: { ...order, amountMinor: 0 } };
    for (const payment of [free, { ...paidBack, returnedMinor: 100 }]) {
      assert.equal(told(payment, [], "g", undefined), "WRONG_STATE");
    }
  });

  it("is known by its id: a repeat is asked about while it runs, and answered after; anything else is refused", () => {
    const part = { amountMinor: 30, returnedMinor: 25 };
    const running = { ...done, finishedAt: undefined };
    assert.equal(told({ ...captured, state: PaymentState.REFUNDING }, [running], "f", part), "ask");
    assert.equal(told(captured, [done], "f", part), "answer");
    for (const other of [{ ...part, amountMinor: 31 }, { ...part, returnedMinor: 0 }, undefined]) {
      assert.equal(told(captured, [done], "f", other), "IDEMPOTENCY_KEY_REUSED");
    }
    // A caller that has learnt to name amounts repeats what it began without them.
    assert.equal(told(captured, [{ ...done, whole: true }], "f", part), "answer");
    assert.equal(told(captured, [{ ...done, whole: true }], "f", undefined), "answer");
  });

  it("that was refused is left alone for a while, and then asked for with another key", () => {
    const part = { amountMinor: 30, returnedMinor: 25 };
    const refused = { ...done, finishedAt: undefined, refusals: 1 };
    const refunding = { ...captured, state: PaymentState.REFUNDING };
    assert.equal(told(refunding, [{ ...refused, isRetryDue: false }], "f", part), "answer");
    assert.equal(told(refunding, [refused], "f", part), "ask");
    const request = refundRequestOf(refunding, refused);
    assert.equal(request?.kind === "refund" && request.idempotencyKey, "p:refund:f:2");
  });

  it("waits for the one that runs, and for a capture", () => {
    const running = { ...done, finishedAt: undefined };
    assert.equal(told({ ...captured, state: PaymentState.REFUNDING }, [running], "g", undefined), "IN_PROGRESS");
    assert.equal(told(undefined, [], "g", undefined), "NOT_FOUND");
    for (const state of [1, 2, 3, 4, 6, 7, 10] as PaymentState[]) {
      assert.equal(told({ ...captured, state }, [], "g", undefined), "WRONG_STATE");
    }
  });

  it("asks the provider with a key of its own for its amount, and for nothing where none is paid back", () => {
    assert.deepEqual(refundRequestOf(captured, done), {
      ...{ kind: "refund", idempotencyKey: "p:refund:f", reference: "p", eventId: "e", refundId: "f" },
      ...{ captureRef: "cap", amountMinor: 30, currencyCode: "EUR", coveredMinor: 0, owedSince: undefined },
      bookedRefs: ["re_0"],
    });
    const owed = refundRequestOf(captured, { ...done, repays: "e", owedSince: new Date(2), coveredInAllMinor: 7 });
    assert.ok(owed?.kind === "refund");
    assert.deepEqual([owed.coveredMinor, owed.owedSince], [7, new Date(2)]);
    assert.equal(refundRequestOf(captured, { ...done, amountMinor: 0 }), undefined);
    assert.throws(() => refundRequestOf({ ...captured, captureRef: undefined }, done), /never captured/);
  });

  it("never gives back more than was captured, whatever is asked for in whatever order", () => {
    const anyPart = fc.option(fc.record({ amountMinor: fc.nat(120), returnedMinor: fc.nat(120) }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), anyPart), { maxLength: 20 }), (requests) => {
        let payment = captured;
        const refunds: Refund[] = [];
        for (const [refundId, part] of requests) {
          const decision = decideRefund(payment, refunds, { ...key, refundId, part });
          if (decision.kind !== "begin") continue;
          assert.ok(decision.part.amountMinor + decision.part.returnedMinor > 0);
          refunds.push({ ...done, refundId, whole: part === undefined, ...decision.part });
          const refundedMinor = payment.refundedMinor + decision.part.amountMinor;
          const state = refundedMinor === 100 ? PaymentState.REFUNDED : PaymentState.CAPTURED;
          payment = {
            ...payment,
            state,
            refundedMinor,
            returnedMinor: payment.returnedMinor + decision.part.returnedMinor,
          };
        }
        const sum = (field: keyof RefundPart) => refunds.reduce((total, refund) => total + refund[field], 0);
        assert.ok(sum("amountMinor") <= 100 && sum("returnedMinor") <= 100);
        assert.equal(new Set(refunds.map(({ refundId }) => refundId)).size, refunds.length);
      }),
    );
  });
});
