import assert from "node:assert/strict";
import { declineReasonFrom } from "./decline-reason.ts";
import { PaymentState, stateName, type Payment } from "./payment.ts";
import { refusalsMax, retryDelayMs } from "./refusal-backoff.ts";
import { providerRequestOf, settle, type Settlement } from "./settle.ts";

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
  actionUrl: undefined,
  captureRef: "cap",
  declineReason: undefined,
  ...{ refundedMinor: 0, returnedMinor: 0, refundPendingSince: undefined, refusals: 0, isRetryDue: true },
  createdAt: new Date(0),
};
const { AUTHORIZING, ACTION_REQUIRED, CAPTURING, VOIDING } = PaymentState;
const pending = [AUTHORIZING, ACTION_REQUIRED, CAPTURING, VOIDING];
const settled = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter((state) => !pending.includes(state)) as PaymentState[];

describe("settle", () => {
  it("asks in each pending state with a key that follows from the payment alone", () => {
    const asked = pending.map((state) => providerRequestOf({ ...payment, state }));
    assert.deepEqual(asked, [
      {
        kind: "authorize",
        idempotencyKey: "p:authorize",
        reference: "p",
        eventId: "e",
        amountMinor: 4_200,
        currencyCode: "EUR",
        paymentMethodToken: "tok",
        authorizationRef: "auth",
      },
      { kind: "lookup", reference: "p", authorizationRef: "auth" },
      { kind: "capture", idempotencyKey: "p:capture", reference: "p", authorizationRef: "auth" },
      {
        ...{ kind: "void", idempotencyKey: "p:void", reference: "p", eventId: "e" },
        ...{ amountMinor: 4_200, currencyCode: "EUR", authorizationRef: "auth" },
      },
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
    const ends = pending.map((state) => moved(settle({ ...payment, state }, { kind: "done", ref: "x" })));
    assert.deepEqual(
      ends.map((end) => [stateName(end!.from), stateName(end!.to), end!.ref]),
      [
        ["AUTHORIZING", "AUTHORIZED", "x"],
        ["ACTION_REQUIRED", "AUTHORIZED", "x"],
        ["CAPTURING", "CAPTURED", "x"],
        ["VOIDING", "VOIDED", "x"],
      ],
    );
  });

  it("takes a capture's fee along where the provider told it", () => {
    const fee = { amountMinor: 88, currencyCode: "EUR" };
    const capturing = { ...payment, state: PaymentState.CAPTURING };
    assert.deepEqual(moved(settle(capturing, { kind: "done", ref: "x", fee }))?.fee, fee);
    assert.equal(moved(settle(capturing, { kind: "done", ref: "x" }))?.fee, undefined);
  });

  it("declines only what has taken no money yet, and guesses nothing from an unknown answer", () => {
    const declined = pending.map((state) => {
      const settlement = settle({ ...payment, state }, { kind: "declined", reason: "other" });
      return settlement?.kind === "move" ? settlement.to : settlement?.kind;
    });
    const { DECLINED } = PaymentState;
    assert.deepEqual(declined, [DECLINED, DECLINED, DECLINED, "refused"]);
    for (const state of pending)
      assert.equal(settle({ ...payment, state }, { kind: "unknown", cause: "x" }), undefined);
  });

  it("asks a provider that refused for good with another key each time, later and later, and not for ever", () => {
    const keys = [0, 1, 2].map((refusals) => {
      const request = providerRequestOf({ ...payment, state: VOIDING, refusals });
      return "idempotencyKey" in request ? request.idempotencyKey : "";
    });
    assert.deepEqual(keys, ["p:void", "p:void:2", "p:void:3"]);
    const delays = Array.from({ length: refusalsMax }, (_, index) => retryDelayMs(index + 1));
    assert.deepEqual([delays[0], delays[1], delays.at(-2), delays.at(-1)], [30_000, 60_000, 6 * 3_600_000, null]);
  });

  it("waits for the customer where the provider wants that of an authorisation, and else guesses nothing from it", () => {
    const asked = { kind: "actionRequired", ref: "x", url: "https://bank" } as const;
    const [first, ...others] = pending.map((state) => moved(settle({ ...payment, state }, asked)));
    assert.deepEqual([first?.to, first?.ref, first?.actionUrl], [ACTION_REQUIRED, "x", "https://bank"]);
    assert.deepEqual(
      others.filter((end) => end !== undefined),
      [],
    );
  });

  it("notes what the provider has prepared for an authorisation, which goes on, and else takes nothing from it", () => {
    const [first, ...others] = pending.map((state) =>
      moved(settle({ ...payment, state }, { kind: "prepared", ref: "x" })),
    );
    assert.deepEqual([first?.from, first?.to, first?.ref], [AUTHORIZING, AUTHORIZING, "x"]);
    assert.deepEqual(
      others.filter((end) => end !== undefined),
      [],
    );
  });

  it("maps a provider's words to a closed list", () => {
    assert.equal(declineReasonFrom("insufficient_funds"), "insufficient_funds");
    assert.equal(declineReasonFrom("4111111111111111 is stolen"), "other");
    assert.equal(declineReasonFrom(undefined), "other");
  });
});

function moved(settlement: Settlement | undefined): (Settlement & { kind: "move" }) | undefined {
  assert.ok(settlement?.kind !== "refused");
  return settlement;
}
