import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { TicketState } from "#gen/boxoffice/reservation/v1/ticket";
import { admit, buyTickets, codeOf, ticketsOf, wordOf } from "../test/doors.ts";
import { down, failing, gateAt } from "../test/hooks.ts";
import { askRefund, refundsOf, storedHoldOf, type Wish } from "../test/refunds.ts";
import {
  cancel,
  createWorld,
  eventually,
  newIds,
  outcomeOf,
  pay,
  reserve,
  stateNow,
  within,
  type Ids,
  type Replica,
  type World,
} from "../test/world.ts";
import { Phase } from "./domain/booking.ts";

describe("refunding at the organiser's word", () => {
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
    world.payment.settings.refundPendingMs = undefined;
  });
  after(() => world.end());

  const ask = (ids: Ids, wish: Wish = {}, by = replica) => askRefund(by, ids, wish);
  const refund = async (...args: Parameters<typeof ask>) => outcomeOf((await ask(...args)).outcome);
  const paid = async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    return ids;
  };
  const countOf = (ids: Ids) => refundsOf(world, ids).size;
  const holdOf = (ids: Ids) => storedHoldOf(world, ids);

  it("gives the money back, frees the seats, and says the same again when asked again", async () => {
    const ids = await paid();
    const refundId = uuidv7();
    const first = await ask(ids, { refundId });
    assert.equal(outcomeOf(first.outcome), "REFUNDED");
    assert.deepEqual(
      [first.refund?.refundId, first.refund?.reason, first.refund?.keepBlocked],
      [refundId, "the show is off", false],
    );
    assert.deepEqual([first.refund?.amount?.amountMinor, first.refund?.amount?.currencyCode], [5_000n, "EUR"]);
    assert.ok(first.refund?.createTime);
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["REFUNDED"]);
    assert.deepEqual([world.inventory.stateOf(ids.reservationId), holdOf(ids).blocked], ["REFUNDED", false]);
    assert.deepEqual(await ask(ids, { refundId }, other), first);
    assert.deepEqual(await ask(ids, { refundId: refundId.toUpperCase() }, other), first);
    assert.equal(countOf(ids), 1);
  });

  it("keeps the seats from sale where that is asked for, whoever finishes the refund", async () => {
    const [prompt, slow] = [await paid(), await paid()];
    assert.equal(await refund(prompt, { keepBlocked: true }), "REFUNDED");
    world.inventory.hooks.before = failing("releaseHolds");
    assert.equal(await refund(slow, { keepBlocked: true }), "REFUNDING");
    world.inventory.hooks.reset();
    await eventually(
      () => stateNow(replica, slow),
      (state) => state === "REFUNDED",
    );
    assert.deepEqual([holdOf(prompt).blocked, holdOf(slow).blocked], [true, true]);
  });

  it("revokes the tickets with its first step, before payment hears of it", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const code = await codeOf(replica, tickets[0]!);
    world.payment.hooks.before = failing("refund");
    assert.equal(await refund(ids), "REFUNDING");
    const states = (await ticketsOf(replica, ids)).map(({ state }) => state);
    assert.deepEqual(states, [TicketState.REVOKED, TicketState.REVOKED]);
    assert.equal(wordOf(await admit(replica, { eventId: ids.eventId, code })), "REVOKED");
    world.payment.hooks.reset();
  });

  it("keeps the reason, who asked, and the wish for the seats", async () => {
    const ids = await paid();
    const refundId = uuidv7();
    await ask(ids, { refundId, reason: "Ünfall, “Regen” — 雨", keepBlocked: true });
    const rows = await world.database.sql`
      select refund_id, reason, keep_blocked, requested_by from reservation.refund
      where reservation_id = ${ids.reservationId}`;
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ refund_id: refundId, reason: "Ünfall, “Regen” — 雨", keep_blocked: true, requested_by: "organiser-1" }],
    );
  });

  it("refunds nothing twice: not under another id, nor after the customer's own cancellation", async () => {
    const [once, cancelled] = [await paid(), await paid()];
    await refund(once);
    assert.equal(await refund(once), "WRONG_STATE");
    await cancel(replica, cancelled);
    assert.equal(await refund(cancelled), "WRONG_STATE");
    assert.equal(await cancel(other, once), "REFUNDED");
    assert.deepEqual([countOf(once), countOf(cancelled)], [1, 1]);
  });

  it("refuses an id that comes with another reservation, reason or wish, and changes nothing", async () => {
    const [ids, neighbour] = [await paid(), await paid()];
    const refundId = uuidv7();
    await refund(ids, { refundId });
    assert.equal(await refund(ids, { refundId, reason: "another" }), "IDEMPOTENCY_KEY_REUSED");
    assert.equal(await refund(ids, { refundId, keepBlocked: true }), "IDEMPOTENCY_KEY_REUSED");
    const inSameEvent = await reserve(replica, newIds(ids.eventId));
    await pay(replica, inSameEvent);
    assert.equal(await refund(inSameEvent, { refundId }), "IDEMPOTENCY_KEY_REUSED");
    assert.equal(await stateNow(replica, inSameEvent), "CONFIRMED");
    assert.equal(await refund(neighbour, { refundId }), "REFUNDED", "ids are those of one event");
  });

  it("makes one refund of forty identical requests at two replicas", async () => {
    const ids = await paid();
    const refundId = uuidv7();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => refund(ids, { refundId }, index % 2 ? replica : other)),
    );
    for (const answer of answers) assert.match(answer, /^REFUND(ING|ED)$/);
    await eventually(
      () => stateNow(replica, ids),
      (state) => state === "REFUNDED",
    );
    assert.equal(countOf(ids), 1);
  });

  it("lets one of many ids win, and one of two reservations that race for an id", async () => {
    const ids = await paid();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => refund(ids, {}, index % 2 ? replica : other)),
    );
    assert.equal(answers.filter((answer) => answer === "WRONG_STATE").length, 9);
    assert.equal(countOf(ids), 1);

    for (let round = 0; round < 5; round += 1) {
      const one = await paid();
      const two = await reserve(replica, newIds(one.eventId));
      await pay(replica, two);
      const refundId = uuidv7();
      const both = await Promise.all([refund(one, { refundId }), refund(two, { refundId }, other)]);
      assert.deepEqual(both.filter((answer) => answer === "IDEMPOTENCY_KEY_REUSED").length, 1, both.join());
      assert.equal(countOf(one) + countOf(two), 1);
    }
  });

  it("has one winner against the customer's cancellation, and one refund", async () => {
    for (let round = 0; round < 5; round += 1) {
      const ids = await paid();
      const [byOrganiser, byCustomer] = await Promise.all([refund(ids), cancel(other, ids)]);
      assert.match(byOrganiser, /^(REFUND(ING|ED)|WRONG_STATE)$/);
      assert.match(byCustomer, /^REFUND(ING|ED)$/);
      await eventually(
        () => stateNow(replica, ids),
        (state) => state === "REFUNDED",
      );
      assert.equal(countOf(ids), 1);
    }
  });

  it("leaves a refund alone that takes the provider days, and goes on at once when it is said to have moved", async () => {
    const ids = await paid();
    Object.assign(world.payment.settings, { refunding: true, refundPendingMs: 3_600_000 });
    assert.equal(await refund(ids), "REFUNDING");
    const [row] = await world.database.sql<{ isFar: boolean }[]>`
      select next_attempt_at > now() + interval '50 minutes' as "isFar"
      from reservation.reservation where reservation_id = ${ids.reservationId}`;
    assert.equal(row!.isFar, true);
    world.payment.settings.refunding = false;
    await replica.client.resumeCheckout(ids, within);
    await eventually(
      () => stateNow(replica, ids),
      (state) => state === "REFUNDED",
    );
    assert.equal(countOf(ids), 1);
  });

  for (const where of ["here", "at another replica"] as const) {
    it(`goes on at once with a refund that moved before it was written that it takes days, though the hint comes ${where}`, async () => {
      const ids = await paid();
      Object.assign(world.payment.settings, { refunding: true, refundPendingMs: 3_600_000 });
      const gate = gateAt("refund");
      world.payment.hooks.after = gate.hook;
      const asking = refund(ids);
      await gate.reached;
      world.payment.settings.refunding = false;
      await (where === "here" ? replica : other).client.resumeCheckout(ids, within);
      world.payment.hooks.reset();
      gate.open();
      await asking;
      await eventually(
        () => stateNow(replica, ids),
        (state) => state === "REFUNDED",
      );
      assert.equal(countOf(ids), 1);
    });
  }

  it("is not begun a second time at another replica by a hint that comes while it runs", async () => {
    const ids = await paid();
    const gate = gateAt("refund");
    world.payment.hooks.before = gate.hook;
    const asking = refund(ids);
    await gate.reached;
    await other.client.resumeCheckout(ids, within);
    const metrics = await (await fetch(`http://127.0.0.1:${other.adminPort}/metrics`)).text();
    assert.match(metrics, /boxoffice_sagas_running 0/);
    gate.open();
    assert.equal(await asking, "REFUNDED");
  });

  it("answers REFUNDING while the refund is unclear or payment is down, and ends it by itself", async () => {
    const [unclear, unreachable] = [await paid(), await paid()];
    world.payment.settings.refunding = true;
    assert.equal(await refund(unclear), "REFUNDING");
    world.payment.settings.refunding = false;
    world.payment.hooks.before = down;
    assert.equal(await refund(unreachable), "REFUNDING");
    world.payment.hooks.reset();
    for (const ids of [unclear, unreachable]) {
      await eventually(
        () => stateNow(replica, ids),
        (state) => state === "REFUNDED",
      );
      assert.equal(countOf(ids), 1);
    }
  });

  it("waits for a running payment", async () => {
    const ids = await reserve(replica);
    const gate = gateAt("authorize");
    world.payment.hooks.before = gate.hook;
    const paying = pay(replica, ids);
    await gate.reached;
    assert.equal(await refund(ids, {}, other), "IN_PROGRESS");
    gate.open();
    await paying;
    assert.equal(await refund(ids, {}, other), "REFUNDED");
  });

  it("refuses what was not paid, and does not find what is not there", async () => {
    const ids = await reserve(replica);
    assert.equal(await refund(ids), "WRONG_STATE");
    await world.database.sql`
      update reservation.reservation set phase = ${Phase.expired} where reservation_id = ${ids.reservationId}`;
    assert.equal(await refund(ids), "WRONG_STATE");
    assert.equal(await refund(newIds()), "NOT_FOUND");
    assert.equal(await stateNow(replica, ids), "EXPIRED");
  });

  it("refuses a reason that is empty, too long or of several lines, naming the field", async () => {
    const ids = await paid();
    for (const reason of ["", "x".repeat(501), "one\ntwo"]) await assert.rejects(ask(ids, { reason }), /reason/);
    assert.equal(await stateNow(replica, ids), "CONFIRMED");
  });
});
