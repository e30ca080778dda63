import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { Code, ConnectError } from "@connectrpc/connect";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { down } from "../test/hooks.ts";
import { cancel, createWorld, holdOf, newIds, pay, reserve, within, type Replica, type World } from "../test/world.ts";
import { Phase } from "./domain/booking.ts";

describe("invariants", () => {
  let world: World;
  let replica: Replica;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica({ RECONCILER_INTERVAL_MS: "60000", SWEEPER_INTERVAL_MS: "60000" });
  });
  beforeEach(() => world.inventory.hooks.reset());
  after(() => world.end());

  const reportsOf = async (eventId: string) =>
    (await replica.client.checkInvariants({ scope: { eventId } }, within)).reports;
  const violationsIn = async (eventId: string) =>
    Object.fromEntries(
      (await reportsOf(eventId)).flatMap(({ name, violations }) =>
        violations > 0n ? [[name, Number(violations)]] : [],
      ),
    );

  it("hold after every way a booking can end", async () => {
    const eventId = uuidv7();
    const [paid, given, refunded, declined] = [
      await reserve(replica, newIds(eventId)),
      await reserve(replica, newIds(eventId)),
      await reserve(replica, newIds(eventId)),
      await reserve(replica, newIds(eventId)),
    ];
    await pay(replica, paid, { token: "tok_decline", key: "first" });
    await pay(replica, paid);
    await cancel(replica, given);
    await pay(replica, refunded);
    await cancel(replica, refunded);
    await pay(replica, declined, { token: "tok_decline" });
    const reports = await reportsOf(eventId);
    assert.deepEqual(
      reports.map(({ promise, name, violations, examined }) => [promise, name, violations, examined]),
      [
        [4, "reservation.holds_agree", 0n, 4n],
        [5, "reservation.nothing_is_stuck", 0n, 4n],
        [7, "reservation.attempts_agree", 0n, 4n],
        [2, "reservation.tickets_agree", 0n, 4n],
        [5, "reservation.refunds_agree", 0n, 4n],
        [10, "reservation.states_move_forward", 0n, 4n],
        [5, "reservation.payments_agree", 0n, 4n],
      ],
    );
  });

  it("names a confirmed booking whose seats are not sold", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    world.inventory.holds.get(ids.reservationId)!.state = HoldState.EXPIRED;
    const [holds] = await reportsOf(ids.eventId);
    assert.deepEqual(holds?.examples, [ids.reservationId]);
    assert.deepEqual(await violationsIn(ids.eventId), { "reservation.holds_agree": 1 });
  });

  it("names a cancelled booking whose seats are still held", async () => {
    const ids = await reserve(replica);
    await cancel(replica, ids);
    world.inventory.holds.get(ids.reservationId)!.state = HoldState.HELD;
    assert.deepEqual(await violationsIn(ids.eventId), { "reservation.holds_agree": 1 });
  });

  it("names a confirmed booking whose payment is not captured, and a refunded one whose money was kept", async () => {
    for (const [after, state] of [
      ["pay", PaymentState.AUTHORIZED],
      ["cancel", PaymentState.CAPTURED],
    ] as const) {
      const ids = await reserve(replica);
      const { paymentId } = await pay(replica, ids);
      if (after === "cancel") await cancel(replica, ids);
      world.payment.payments.get(paymentId)!.state = state;
      assert.deepEqual(await violationsIn(ids.eventId), { "reservation.payments_agree": 1 });
    }
  });

  it("names bookings that are stuck: unfinished, or lapsed and not swept", async () => {
    const { eventId } = newIds();
    const [held, paying] = [await reserve(replica, newIds(eventId)), await reserve(replica, newIds(eventId))];
    await pay(replica, paying, { token: "tok_unknown", timeoutMs: 500 });
    await world.database.sql`
      update reservation.reservation set phase_at = clock_timestamp() - interval '61 seconds' where event_id = ${eventId}`;
    // An authorisation that is not known may take as long as its hold.
    assert.deepEqual(await violationsIn(eventId), {});
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp() - interval '61 seconds'
      where event_id = ${eventId}`;
    assert.deepEqual(await violationsIn(eventId), { "reservation.nothing_is_stuck": 2 });
    assert.ok(held);
  });

  it("names bookings whose refund is stuck, and none whose refund the provider has in work", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    Object.assign(world.payment.settings, { refunding: true, refundPendingMs: 3_600_000 });
    await cancel(replica, ids);
    await world.database.sql`
      update reservation.reservation set phase_at = clock_timestamp() - interval '61 seconds'
      where reservation_id = ${ids.reservationId}`;
    assert.deepEqual(await violationsIn(ids.eventId), {});
    world.payment.settings.refundPendingMs = undefined;
    assert.deepEqual(await violationsIn(ids.eventId), { "reservation.nothing_is_stuck": 1 });
    world.payment.settings.refunding = false;
  });

  it("names paid bookings that moved backwards, and states that their attempts contradict", async () => {
    const [backwards, unpaid] = [await reserve(replica), await reserve(replica)];
    await pay(replica, backwards);
    await world.database.sql`
      update reservation.reservation set phase = ${Phase.held}, confirmed_at = null
      where reservation_id = ${backwards.reservationId}`;
    assert.deepEqual(await violationsIn(backwards.eventId), {
      "reservation.states_move_forward": 1,
      // It still has its tickets.
      "reservation.tickets_agree": 1,
      // The attempt ended as confirmed, and the payment of a held booking must not be captured.
      "reservation.payments_agree": 1,
    });
    await pay(replica, unpaid);
    await world.database.sql`delete from reservation.checkout where reservation_id = ${unpaid.reservationId}`;
    assert.deepEqual(await violationsIn(unpaid.eventId), { "reservation.attempts_agree": 1 });
  });

  it("name a confirmed booking that lacks a ticket, and a refunded one that has a live one", async () => {
    const [short, refunded] = [await reserve(replica), await reserve(replica)];
    await pay(replica, short);
    await world.database.sql`
      delete from reservation.ticket where reservation_id = ${short.reservationId} and place = 2`;
    // Its hold owns more than it has places.
    assert.deepEqual(await violationsIn(short.eventId), {
      "reservation.tickets_agree": 1,
      "reservation.holds_agree": 1,
    });
    await pay(replica, refunded);
    await cancel(replica, refunded);
    await world.database.sql`
      update reservation.ticket set revoked_at = null, revoke_reason = null, refund_id = null
      where reservation_id = ${refunded.reservationId} and place = 1`;
    assert.deepEqual(await violationsIn(refunded.eventId), {
      "reservation.tickets_agree": 1,
      "reservation.refunds_agree": 1,
    });
  });

  it("do not count what was only in motion while they looked", async () => {
    const ids = await reserve(replica);
    const { paymentId } = await pay(replica, ids);
    const payment = world.payment.payments.get(paymentId)!;
    payment.state = PaymentState.CAPTURING;
    world.payment.hooks.after = (method) => {
      if (method === "getPayments") payment.state = PaymentState.CAPTURED;
    };
    assert.deepEqual(await violationsIn(ids.eventId), {});
    assert.ok(world.payment.hooks.calls.get("getPayments")! >= 2);
    world.payment.hooks.reset();
  });

  it("page through everything, of all events where none is named", async () => {
    const { eventId } = newIds();
    for (let page = 0; page < 2; page += 1) {
      const commands = Array.from({ length: 400 }, () => holdOf(newIds(eventId)));
      await replica.client.createReservations({ commands }, within);
    }
    assert.equal((await reportsOf(eventId))[0]?.examined, 800n);
    const { reports } = await replica.client.checkInvariants({}, within);
    const [row] = await world.database.sql<{ count: number }[]>`
      select count(*)::int as count from reservation.reservation`;
    assert.equal(reports[0]?.examined, BigInt(row!.count));
  });

  it("say that they could not look, instead of saying that all is well", async () => {
    const ids = await reserve(replica);
    await cancel(replica, ids);
    world.inventory.hooks.before = down;
    await assert.rejects(
      reportsOf(ids.eventId),
      (error) => error instanceof ConnectError && error.code === Code.Unavailable,
    );
  });
});
