import assert from "node:assert/strict";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { holdAgrees, paymentAgrees } from "./agreement.ts";
import { Phase } from "./booking.ts";
import { CheckoutOutcome } from "./transition.ts";

const inPhase = (phase: Phase) => ({ phase, placesLeft: 2 });
const holdIn = (state: HoldState) => ({ state, quantity: 2 });

describe("what neighbours say of a settled booking", () => {
  it("wants a confirmed booking's seats sold, and every other settled one's free", () => {
    assert.ok(holdAgrees(inPhase(Phase.confirmed), holdIn(HoldState.CONFIRMED)));
    for (const hold of [HoldState.HELD, HoldState.EXPIRED, HoldState.REFUNDED, undefined]) {
      assert.ok(!holdAgrees(inPhase(Phase.confirmed), hold === undefined ? hold : holdIn(hold)));
    }
    for (const phase of [Phase.cancelled, Phase.expired, Phase.refunded]) {
      assert.ok(!holdAgrees(inPhase(phase), holdIn(HoldState.HELD)));
      assert.ok(!holdAgrees(inPhase(phase), holdIn(HoldState.CONFIRMED)));
      for (const hold of [HoldState.RELEASED, HoldState.EXPIRED, HoldState.REFUNDED, undefined]) {
        assert.ok(holdAgrees(inPhase(phase), hold === undefined ? hold : holdIn(hold)));
      }
    }
  });

  it("leaves bookings in motion alone", () => {
    for (const phase of [Phase.held, Phase.authorizing, Phase.refunding])
      assert.ok(holdAgrees(inPhase(phase), holdIn(HoldState.CONFIRMED)));
  });

  const { confirmed, declined, expired } = CheckoutOutcome;
  const { CAPTURED, REFUNDING, REFUNDED, VOIDED, DECLINED, AUTHORIZED } = PaymentState;
  for (const [phase, outcome, good, bad] of [
    [Phase.confirmed, confirmed, [CAPTURED, REFUNDED], [REFUNDING, VOIDED, AUTHORIZED, undefined]],
    [Phase.confirmed, declined, [DECLINED, undefined], [CAPTURED, AUTHORIZED]],
    [Phase.partRefunding, confirmed, [CAPTURED, REFUNDING, REFUNDED], [VOIDED, undefined]],
    [Phase.refunding, confirmed, [CAPTURED, REFUNDING, REFUNDED], [VOIDED, undefined]],
    [Phase.refunding, expired, [CAPTURED, REFUNDING, REFUNDED], [VOIDED, undefined]],
    [Phase.refunded, confirmed, [REFUNDED], [CAPTURED, REFUNDING, undefined]],
    [Phase.refunded, declined, [DECLINED], [CAPTURED]],
    [Phase.expired, expired, [VOIDED, DECLINED, undefined], [CAPTURED, AUTHORIZED]],
    [Phase.cancelled, declined, [DECLINED], [CAPTURED]],
  ] as const) {
    it(`knows which payments fit an attempt that ended as ${outcome} of a booking in phase ${phase}`, () => {
      const agrees = (state: PaymentState | undefined) =>
        paymentAgrees({ outcome, phase, refundedMinor: 5 }, state === undefined ? state : { state, refundedMinor: 5 });
      for (const payment of good) assert.ok(agrees(payment), String(payment));
      for (const payment of bad) assert.ok(!agrees(payment), String(payment));
    });
  }

  it("wants as many places sold as the booking has left, and as much refunded as its refunds pay back", () => {
    assert.ok(!holdAgrees({ phase: Phase.confirmed, placesLeft: 1 }, holdIn(HoldState.CONFIRMED)));
    for (const [phase, state] of [
      [Phase.confirmed, CAPTURED],
      [Phase.refunded, REFUNDED],
    ] as const) {
      assert.ok(!paymentAgrees({ outcome: confirmed, phase, refundedMinor: 4 }, { state, refundedMinor: 5 }));
    }
  });
});
