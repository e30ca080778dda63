import assert from "node:assert/strict";
import { declineReasonFrom } from "./decline-reason.ts";
import { PaymentState, stateName, type Payment } from "./payment.ts";
import { providerRequestOf, settle } from "./settle.ts";

const payment: Payment = {
  eventId: "e",
  paymentId: "p",
  state: PaymentState.AUTHORIZING,
  order: {
    reservationId: "r",
    customerId: "c",
    areaId: "a",
    amountMinor: 4_200,
    currencyCode: "EUR",
    requestHash: "h",
    provider: "sandbox",
  },
  paymentMethodToken: "tok",
  authorizationRef: "auth",
  captureRef: "cap",
  declineReason: undefined,
  ...{ refundedMinor: 0, returnedMinor: 0 },
  createdAt: new Date(0),
};
const { AUTHORIZING, CAPTURING, VOIDING } = PaymentState;
const pending = [AUTHORIZING, CAPTURING, VOIDING];
const settled = [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((state) => !pending.includes(state)) as PaymentState[];

describe("settle", () => {
  it("asks in each pending state with a key that follows from the payment alone", () => {
    const asked = pending.map((state) => providerRequestOf({ ...payment, state }));
    assert.deepEqual(asked, [
      {
        kind: "authorize",
        idempotencyKey: "p:authorize",
        reference: "p",
        amountMinor: 4_200,
        currencyCode: "EUR",
        paymentMethodToken: "tok",
      },
      { kind: "capture", idempotencyKey: "p:capture", reference: "p", authorizationRef: "auth" },
      { kind: "void", idempotencyKey: "p:void", reference: "p" },
    ]);
  });

  it("asks nothing in a settled state, and never without what the request needs", () => {
    for (const state of settled) {
      assert.throws(() => providerRequestOf({ ...payment, state }), /nothing to ask/);
      assert.throws(() => settle({ ...payment, state }, { kind: "done", ref: "x" }), /waits for no answer/);
    }
    assert.throws(() => providerRequestOf({ ...payment, paymentMethodToken: undefined }), /payment p lacks/);
  });

  it("ends each pending state when the provider has done it", () => {
    const ends = pending.map((state) => settle({ ...payment, state }, { kind: "done", ref: "x" }));
    assert.deepEqual(
      ends.map((end) => [stateName(end!.from), stateName(end!.to), end!.ref]),
      [
        ["AUTHORIZING", "AUTHORIZED", "x"],
        ["CAPTURING", "CAPTURED", "x"],
        ["VOIDING", "VOIDED", "x"],
      ],
    );
  });

  it("declines only what has taken no money yet, and guesses nothing from an unknown answer", () => {
    const declined = pending.map((state) => settle({ ...payment, state }, { kind: "declined", reason: "other" })?.to);
    assert.deepEqual(declined, [PaymentState.DECLINED, PaymentState.DECLINED, undefined]);
    for (const state of pending)
      assert.equal(settle({ ...payment, state }, { kind: "unknown", cause: "x" }), undefined);
  });

  it("maps a provider's words to a closed list", () => {
    assert.equal(declineReasonFrom("insufficient_funds"), "insufficient_funds");
    assert.equal(declineReasonFrom("4111111111111111 is stolen"), "other");
    assert.equal(declineReasonFrom(undefined), "other");
  });
});
