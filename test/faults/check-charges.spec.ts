import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { RefundSchema } from "#gen/boxoffice/edge/v1/operations";
import { ReservationSchema, ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import type { Authorization } from "../../services/payment/src/sandbox/authorization.ts";
import { bestOf, type EdgeUser } from "../support/edge.ts";
import { newBooking } from "./booking.ts";
import { disagreements, leftOpen, strayCharges } from "./check-charges.ts";

const somebody = {} as EdgeUser;

function booking(state: ReservationState, { paidBack = 0n } = {}) {
  const made = newBooking(somebody, bestOf("event", 2));
  const held = create(ReservationSchema, { state, total: { currencyCode: "EUR", amountMinor: 5_000n } });
  const answer = create(RefundSchema, { amount: { currencyCode: "EUR", amountMinor: paidBack } });
  const refunds = paidBack > 0n ? [{ by: somebody, request: {}, answer, seat: undefined }] : [];
  return { ...made, held, state, refunds };
}

function charge(reservationId: string, changes: Partial<Authorization> = {}) {
  const done = { authorize: 1, capture: 1, void: 0, refund: 0 };
  const authorization: Authorization = {
    ...{ reference: "payment", token: "tok_approve", currency: "EUR", group: undefined, done },
    ...{ amount: 5_000, status: "captured", refundedAmount: 0, refunds: [], ...changes },
  };
  return { reservationId, authorization };
}

describe("what the provider holds", () => {
  it("is what is confirmed, less what was paid back of it, to the cent", () => {
    const part = booking(ReservationState.CONFIRMED, { paidBack: 3_500n });
    const { reservationId } = part.wish;
    assert.deepEqual(disagreements([part], [charge(reservationId, { refundedAmount: 3_500 })]), []);
    assert.match(disagreements([part], [charge(reservationId, { refundedAmount: 3_499 })])[0]!, /1501 .* of 1500/);
    assert.match(disagreements([part], [charge(reservationId)])[0]!, /5000 .* of 1500/);
  });

  it("is nothing for what was given back, declined or lost", () => {
    for (const state of [ReservationState.REFUNDED, ReservationState.EXPIRED, ReservationState.HELD]) {
      const other = booking(state);
      const { reservationId } = other.wish;
      const nothing = [
        charge(reservationId, { status: "refunded", refundedAmount: 5_000 }),
        charge(reservationId, { status: "voided" }),
        { reservationId, authorization: undefined },
      ];
      assert.deepEqual(disagreements([other], nothing), []);
      assert.equal(disagreements([other], [charge(reservationId)]).length, 1);
    }
  });

  it("is not left blocked, nor waiting for its buyer", () => {
    const ends = (["captured", "voided", "refunded", "declined"] as const).map((status) => charge("r", { status }));
    assert.deepEqual(leftOpen(ends), []);
    assert.match(leftOpen([charge("r", { status: "authorized" })])[0]!, /a payment of r was left authorized/);
    assert.equal(leftOpen([charge("r", { status: "requires_action" })]).length, 1);
  });

  it("is for somebody's booking, and once", () => {
    const paid = booking(ReservationState.CONFIRMED);
    const { reservationId } = paid.wish;
    assert.equal(disagreements([paid], [charge(reservationId), charge(reservationId)]).length, 1);
    assert.match(disagreements([], [charge("r")])[0]!, /5000 for r, which is nobody's/);
    assert.deepEqual(strayCharges([charge("r")], { authorize: 1, capture: 1, void: 0, refund: 0 }), []);
    assert.equal(strayCharges([charge("r")], { authorize: 1, capture: 2, void: 0, refund: 1 }).length, 2);
    assert.match(strayCharges([], { authorize: 1, capture: 0, void: 0, refund: 0 })[0]!, /authorize .* 1, 0 for us/);
  });
});
