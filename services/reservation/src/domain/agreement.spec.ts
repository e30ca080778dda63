import assert from "node:assert/strict";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { holdAgrees, paymentAgrees } from "./agreement.ts";
import { Phase } from "./booking.ts";
import { CheckoutOutcome } from "./transition.ts";

describe("what neighbours say of a settled booking", () => {
  it("wants a confirmed booking's seats sold, and every other settled one's free", () => {
    assert.ok(holdAgrees(Phase.confirmed, HoldState.CONFIRMED));
    for (const hold of [HoldState.HELD, HoldState.EXPIRED, HoldState.REFUNDED, undefined]) {
      assert.ok(!holdAgrees(Phase.confirmed, hold));
    }
    for (const phase of [Phase.cancelled, Phase.expired, Phase.refunded]) {
      assert.ok(!holdAgrees(phase, HoldState.HELD));
      assert.ok(!holdAgrees(phase, HoldState.CONFIRMED));
      for (const hold of [HoldState.RELEASED, HoldState.EXPIRED, HoldState.REFUNDED, undefined]) {
        assert.ok(holdAgrees(phase, hold));
      }
    }
  });

  it("leaves bookings in motion alone", () => {
    for (const phase of [Phase.held, Phase.authorizing, Phase.refunding])
      assert.ok(holdAgrees(phase, HoldState.CONFIRMED));
  });

  const { confirmed, declined, expired } = CheckoutOutcome;
  const { CAPTURED, REFUNDING, REFUNDED, VOIDED, DECLINED, AUTHORIZED } = PaymentState;
  for (const [phase, outcome, good, bad] of [
    [Phase.confirmed, confirmed, [CAPTURED], [REFUNDED, VOIDED, AUTHORIZED, undefined]],
    [Phase.confirmed, declined, [DECLINED, undefined], [CAPTURED, AUTHORIZED]],
    [Phase.refunding, confirmed, [CAPTURED, REFUNDING, REFUNDED], [VOIDED, undefined]],
    [Phase.refunding, expired, [CAPTURED, REFUNDING, REFUNDED], [VOIDED, undefined]],
    [Phase.refunded, confirmed, [REFUNDED], [CAPTURED, REFUNDING, undefined]],
    [Phase.refunded, declined, [DECLINED], [CAPTURED]],
    [Phase.expired, expired, [VOIDED, DECLINED, undefined], [CAPTURED, AUTHORIZED]],
    [Phase.cancelled, declined, [DECLINED], [CAPTURED]],
  ] as const) {
    it(`knows which payments fit an attempt that ended as ${outcome} of a booking in phase ${phase}`, () => {
      for (const payment of good) assert.ok(paymentAgrees({ outcome, phase }, payment), String(payment));
      for (const payment of bad) assert.ok(!paymentAgrees({ outcome, phase }, payment), String(payment));
    });
  }
});
