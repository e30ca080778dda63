import assert from "node:assert/strict";
import fc from "fast-check";
import { Phase } from "./booking.ts";
import {
  isRepeat,
  planRefund,
  type Refund,
  type RefundableTicket,
  type RefundRequest,
  type RefundWish,
} from "./refund.ts";

const booking = {
  ...{ phase: Phase.confirmed as Phase, lapsed: false, unitPriceMinor: 2_500, quantity: 3 },
  ...{ currency: "EUR", refundedMinor: 0 },
};
const ticketsOf = (...refunded: boolean[]): RefundableTicket[] =>
  refunded.map((taken, index) => ({ ticketId: `t${index + 1}`, refundId: taken ? "f" : null, isAdmitted: false }));
const all = ticketsOf(false, false, false);
const whole: RefundWish = { kind: "whole" };
const some = (...ticketIds: string[]): RefundWish => ({ kind: "tickets", ticketIds });
const amount = (amountMinor: number, currency = "EUR"): RefundWish => ({ kind: "amount", amountMinor, currency });
const told = (wish: RefundWish, tickets = all, changes: Partial<typeof booking> = {}) => {
  const plan = planRefund({ ...booking, ...changes }, tickets, { wish, owner: undefined });
  if (plan.kind !== "begin") return plan.kind;
  const { amountMinor, returnedMinor, ticketIds, to } = plan;
  const end = to === Phase.refunding ? "ends" : "goes on";
  return `${amountMinor} for ${returnedMinor}: ${ticketIds.join()}; ${end}`;
};

describe("a plan to refund", () => {
  it("gives back everything that is left, tickets at their price, or money alone", () => {
    assert.equal(told(whole), "7500 for 7500: t1,t2,t3; ends");
    assert.equal(told(some("t2")), "2500 for 2500: t2; goes on");
    assert.equal(told(amount(100)), "100 for 0: ; goes on");
    assert.equal(told(whole, ticketsOf(true, false, false), { refundedMinor: 2_500 }), "5000 for 5000: t2,t3; ends");
  });

  it("ends the booking with the last of its tickets, but never with money alone", () => {
    assert.equal(told(some("t1", "t2", "t3")), "7500 for 7500: t1,t2,t3; ends");
    assert.equal(told(some("t3"), ticketsOf(true, true, false), { refundedMinor: 5_000 }), "2500 for 2500: t3; ends");
    assert.equal(told(amount(7_500)), "7500 for 0: ; goes on");
  });

  it("makes up for what was paid back before without a seat", () => {
    assert.equal(told(some("t1"), all, { refundedMinor: 6_000 }), "1500 for 2500: t1; goes on");
    assert.equal(told(whole, all, { refundedMinor: 7_500 }), "0 for 7500: t1,t2,t3; ends");
  });

  it("refuses more than is left, another currency, and tickets that are not there or were refunded", () => {
    assert.equal(told(amount(7_501)), "exceeds");
    assert.equal(told(amount(1_501), all, { refundedMinor: 6_000 }), "exceeds");
    assert.equal(told(amount(1, "USD")), "otherCurrency");
    assert.equal(told(some("t1", "stranger")), "noSuchTicket");
    assert.equal(told(some("t1", "t2"), ticketsOf(true, false, false)), "ticketRefunded");
  });

  it("names a ticket once, however often it is asked for", () => {
    assert.equal(told(some("t2", "t1", "t2")), "5000 for 5000: t1,t2; goes on");
  });

  it("waits for what runs, and refuses what is not confirmed", () => {
    for (const phase of [Phase.authorizing, Phase.capturing, Phase.voiding, Phase.partRefunding]) {
      assert.equal(told(whole, all, { phase }), "inProgress");
    }
    for (const phase of [
      Phase.held,
      Phase.refunding,
      Phase.refunded,
      Phase.cancelled,
      Phase.releasing,
      Phase.expired,
    ]) {
      assert.equal(told(whole, all, { phase }), "wrongState");
    }
  });

  it("binds customers to the event's rules and to the door, and organisers to neither", () => {
    const admitted = all.map((ticket, index) => ({ ...ticket, isAdmitted: index === 1 }));
    const ruleOf = (tickets: RefundableTicket[], isTimeOver: boolean) => {
      const plan = planRefund(booking, tickets, { wish: whole, owner: { isTimeOver } });
      return plan.kind === "notAllowed" ? plan.rule : plan.kind;
    };
    assert.equal(ruleOf(all, false), "begin");
    assert.equal(ruleOf(all, true), "REFUND_TIME_OVER");
    assert.equal(ruleOf(admitted, false), "TICKET_ADMITTED");
    assert.match(told(whole, admitted), /ends/);
    // Whoever was let in with a ticket that was refunded since is none of this refund's business.
    const over = admitted.map((ticket) => (ticket.isAdmitted ? { ...ticket, refundId: "f" } : ticket));
    assert.equal(ruleOf(over, false), "begin");
  });

  it("never pays back more than was paid, and all of it once the last seat is back", () => {
    const anyWish = fc.oneof(
      fc.constant(whole),
      fc.subarray(["t1", "t2", "t3"], { minLength: 1 }).map((ids) => some(...ids)),
      fc.integer({ min: 1, max: 8_000 }).map((minor) => amount(minor)),
    );
    fc.assert(
      fc.property(fc.array(anyWish, { maxLength: 12 }), (wishes) => {
        let standing = booking;
        let tickets = all;
        let returnedMinor = 0;
        for (const wish of wishes) {
          const plan = planRefund(standing, tickets, { wish, owner: undefined });
          if (plan.kind !== "begin") continue;
          const phase = plan.to === Phase.refunding ? Phase.refunded : Phase.confirmed;
          standing = { ...standing, phase, refundedMinor: standing.refundedMinor + plan.amountMinor };
          tickets = tickets.map((ticket) =>
            plan.ticketIds.includes(ticket.ticketId) ? { ...ticket, refundId: "f" } : ticket,
          );
          returnedMinor += plan.returnedMinor;
        }
        const taken = tickets.filter(({ refundId }) => refundId !== null).length;
        assert.equal(returnedMinor, 2_500 * taken);
        assert.ok(standing.refundedMinor >= returnedMinor && standing.refundedMinor <= 7_500);
        if (standing.phase === Phase.refunded) assert.deepEqual([taken, standing.refundedMinor], [3, 7_500]);
      }),
    );
  });
});

describe("a repeated request to refund", () => {
  const request: RefundRequest = {
    ...{ eventId: "e", reservationId: "r", refundId: "f", reason: "off", keepBlocked: false, requestedBy: "o" },
    wish: some("t2", "t1"),
  };
  const booked = { currency: "EUR" };
  const { wish: _, ...asked } = request;
  const refund: Refund = {
    ...{ ...asked, kind: "tickets", ticketIds: ["t1", "t2"], amountMinor: 5_000, returnedMinor: 5_000 },
    createdAt: new Date(0),
  };

  it("is the same whoever sends it, and in whatever order it names its tickets", () => {
    assert.ok(isRepeat(refund, request, booked));
    assert.ok(isRepeat(refund, { ...request, requestedBy: "another", wish: some("t1", "t2", "t1") }, booked));
    const ofAmount: Refund = { ...refund, kind: "amount", ticketIds: [], amountMinor: 5 };
    assert.ok(isRepeat(ofAmount, { ...request, wish: amount(5) }, booked));
    assert.ok(!isRepeat(ofAmount, { ...request, wish: amount(6) }, booked));
    assert.ok(!isRepeat(ofAmount, { ...request, wish: amount(5) }, { currency: "CHF" }));
  });

  it("is another request with anything else in it", () => {
    for (const changes of [
      { reservationId: "other" },
      { reason: "other" },
      { keepBlocked: true },
      { wish: whole },
      { wish: some("t1") },
      { wish: amount(5_000) },
    ]) {
      assert.ok(!isRepeat(refund, { ...request, ...changes }, booked));
    }
  });
});
