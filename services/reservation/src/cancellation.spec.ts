import assert from "node:assert/strict";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { admit, buyTickets, codeOf, ticketsOf } from "../test/doors.ts";
import { down, failing, gateAt } from "../test/hooks.ts";
import type { Refusal } from "#stubs";
import { TicketState } from "#gen/boxoffice/reservation/v1/ticket";
import {
  cancel,
  createWorld,
  customerId,
  eventually,
  newIds,
  outcomeOf,
  pay,
  reserve,
  stateNow,
  within,
  type Replica,
  type World,
} from "../test/world.ts";
import { Phase } from "./domain/booking.ts";

describe("cancelling", () => {
  let world: World;
  let replica: Replica;
  let other: Replica;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica();
    other = await world.startReplica();
  });
  beforeEach(() => {
    world.inventory.hooks.reset();
    world.payment.hooks.reset();
    world.payment.settings.refunding = false;
  });
  after(() => world.end());

  it("gives a hold back at once, and says so again", async () => {
    const ids = await reserve(replica);
    assert.equal(await cancel(replica, ids), "CANCELLED");
    assert.equal(world.inventory.stateOf(ids.reservationId), "RELEASED");
    assert.equal(await cancel(other, ids), "CANCELLED");
  });

  it("refunds a confirmed booking, then frees its seats, and says so again", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    assert.equal(await cancel(replica, ids), "REFUNDED");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["REFUNDED"]);
    assert.equal(world.inventory.stateOf(ids.reservationId), "REFUNDED");
    assert.equal(await cancel(other, ids), "REFUNDED");
    assert.equal([...world.payment.payments.values()].find((each) => each.refunds.size > 0)!.refunds.size, 1);
  });

  it("answers CANCELLED although inventory is down, and releases once it is back", async () => {
    const ids = await reserve(replica);
    world.inventory.hooks.before = down;
    assert.equal(await cancel(replica, ids), "CANCELLED");
    assert.equal(world.inventory.stateOf(ids.reservationId), "HELD");
    world.inventory.hooks.reset();
    await eventually(
      () => world.inventory.stateOf(ids.reservationId),
      (state) => state === "RELEASED",
    );
  });

  it("answers REFUNDING while the refund is unclear, and ends it without the customer", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    world.payment.settings.refunding = true;
    assert.equal(await cancel(replica, ids), "REFUNDING");
    assert.equal(await cancel(other, ids), "REFUNDING");
    assert.equal(world.inventory.stateOf(ids.reservationId), "CONFIRMED");
    world.payment.settings.refunding = false;
    await eventually(
      () => stateNow(replica, ids),
      (state) => state === "REFUNDED",
    );
    assert.equal(world.inventory.stateOf(ids.reservationId), "REFUNDED");
  });

  it("takes a payment that was refunded elsewhere as refunded", async () => {
    const ids = await reserve(replica);
    const { paymentId } = await pay(replica, ids);
    const payment = world.payment.payments.get(paymentId)!;
    payment.refunds.set("another", payment.request.amount!.amountMinor);
    payment.state = PaymentState.REFUNDED;
    assert.equal(await cancel(replica, ids), "REFUNDED");
  });

  it("finishes although release and refund lose their answers", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    world.payment.hooks.after = failing("refund", 1);
    world.inventory.hooks.after = failing("releaseHolds", 1);
    await cancel(replica, ids);
    await eventually(
      () => stateNow(replica, ids),
      (state) => state === "REFUNDED",
    );
    assert.equal(
      [...world.payment.payments.values()].find((each) => each.request.reservationId === ids.reservationId)!.refunds
        .size,
      1,
    );
  });

  it("lets twenty cancellations at once release one hold and refund one payment", async () => {
    const [held, paid] = [await reserve(replica), await reserve(replica)];
    await pay(replica, paid);
    const many = (ids: typeof held) =>
      Promise.all(Array.from({ length: 20 }, (_, index) => cancel(index % 2 ? replica : other, ids)));
    assert.deepEqual(new Set(await many(held)), new Set(["CANCELLED"]));
    for (const answer of await many(paid)) assert.match(answer, /^REFUND(ING|ED)$/);
    await eventually(
      () => stateNow(replica, paid),
      (state) => state === "REFUNDED",
    );
    assert.deepEqual(world.payment.statesOf(paid.reservationId), ["REFUNDED"]);
  });

  it("has exactly one winner against a checkout", async () => {
    for (let round = 0; round < 10; round += 1) {
      const ids = await reserve(replica);
      const [paid, cancelled] = await Promise.all([pay(replica, ids), cancel(other, ids)]);
      const answers = `${outcomeOf(paid.outcome)} ${cancelled}`;
      // A cancellation that comes after the confirmation refunds it: then both took place, one after the other.
      assert.match(
        answers,
        /^(CONFIRMED (IN_PROGRESS|REFUNDED|REFUNDING)|REFUND(ING|ED) REFUND(ING|ED)|WRONG_STATE CANCELLED)$/,
      );
      const captures = world.payment.capturesOf(ids.reservationId);
      assert.equal(captures, cancelled === "CANCELLED" ? 0 : 1);
    }
  });

  it("refuses to give a paid booking back once the event's refunds have ended, and a held one never", async () => {
    const ids = await reserve(replica);
    const held = await reserve(replica, newIds(ids.eventId));
    await pay(replica, ids);
    world.inventory.refundEnds.set(ids.eventId, Date.now() - 1);
    const { outcome } = await replica.client.cancelReservation({ key: { ...ids, customerId } }, within);
    assert.equal(outcomeOf(outcome), "REFUND_NOT_ALLOWED");
    const refusal = outcome!.outcome.value as Refusal;
    assert.equal(refusal.metadata["rule"], "REFUND_TIME_OVER");
    assert.ok(refusal.metadata["refund_until_time"]);
    assert.equal(await stateNow(replica, ids), "CONFIRMED");
    assert.equal(await cancel(replica, held), "CANCELLED");
  });

  it("refuses to give a booking back that somebody was let in with; its tickets stay as they are", async () => {
    const { ids, tickets } = await buyTickets(replica);
    await admit(replica, { eventId: ids.eventId, code: await codeOf(replica, tickets[0]!) });
    const { outcome } = await other.client.cancelReservation({ key: { ...ids, customerId } }, within);
    assert.deepEqual((outcome!.outcome.value as Refusal).metadata, { rule: "TICKET_ADMITTED" });
    assert.deepEqual(
      (await ticketsOf(replica, ids)).map(({ state }) => state),
      [TicketState.ADMITTED, TicketState.VALID],
    );
  });

  it("asks for an event's rule once, and says that it could not where inventory is down", async () => {
    const fresh = await world.startReplica();
    const ids = await reserve(fresh);
    const [second, third] = [await reserve(fresh, newIds(ids.eventId)), await reserve(fresh)];
    for (const each of [ids, second, third]) await pay(fresh, each);
    world.inventory.hooks.before = failing("getEvent", 1);
    await assert.rejects(cancel(fresh, third));
    assert.equal(await stateNow(fresh, third), "CONFIRMED");
    world.inventory.hooks.reset();
    assert.deepEqual([await cancel(fresh, ids), await cancel(fresh, second)], ["REFUNDED", "REFUNDED"]);
    assert.equal(world.inventory.hooks.calls.get("getEvent"), 1);
    await fresh.stop();
  });

  it("waits for a running payment", async () => {
    const ids = await reserve(replica);
    const gate = gateAt("authorize");
    world.payment.hooks.before = gate.hook;
    const paying = pay(replica, ids);
    await gate.reached;
    assert.equal(await cancel(other, ids), "IN_PROGRESS");
    gate.open();
    assert.equal(outcomeOf((await paying).outcome), "CONFIRMED");
  });

  it("refuses what has expired, and does not find what is not there or another customer's", async () => {
    const ids = await reserve(replica);
    assert.equal(await cancel(replica, ids, "customer-2"), "NOT_FOUND");
    assert.equal(await cancel(replica, newIds()), "NOT_FOUND");
    await world.database.sql`
      update reservation.reservation set phase = ${Phase.expired} where reservation_id = ${ids.reservationId}`;
    assert.equal(await cancel(replica, ids), "WRONG_STATE");
  });
});
