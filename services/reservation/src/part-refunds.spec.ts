import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { TicketState, type Ticket } from "#gen/boxoffice/reservation/v1/ticket";
import { admit, buyTickets, codeOf, ticketsOf, wordOf } from "../test/doors.ts";
import { failing } from "../test/hooks.ts";
import { askRefund, refundsOf, shortOf, storedHoldOf, type Part, type Wish } from "../test/refunds.ts";
import {
  cancel,
  createWorld,
  customerId,
  eventually,
  outcomeOf,
  stateNow,
  within,
  type Ids,
  type Replica,
  type World,
} from "../test/world.ts";
import { readBookings } from "./store/read-bookings.ts";
import { readRunningRefund } from "./store/refunds.ts";

describe("refunds in parts", () => {
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

  type Asked = Omit<Wish, "part"> & { by?: Replica };
  const ask = (ids: Ids, part: Part, { by = replica, ...wish }: Asked = {}) => askRefund(by, ids, { ...wish, part });
  const refund = async (...args: Parameters<typeof ask>) => shortOf(await ask(...args));
  const paidBack = (ids: Ids) => [...refundsOf(world, ids).values()].map(Number);
  const holdOf = (ids: Ids) => storedHoldOf(world, ids);
  const refundedOf = async (ids: Ids) => {
    const { outcome } = await replica.client.getReservation({ key: { ...ids, customerId } }, within);
    return outcome?.outcome.case === "reservation" ? outcome.outcome.value.refunded?.amountMinor : undefined;
  };
  const violations = async ({ eventId }: Ids) =>
    (await replica.client.checkInvariants({ scope: { eventId } }, within)).reports.filter(
      (each) => each.violations > 0n,
    );

  it("give one ticket back: its price, its seat and no other's, while the other stays good", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const [given, kept] = tickets as [Ticket, Ticket];
    const codes = [await codeOf(replica, given), await codeOf(replica, kept)];
    const answer = await ask(ids, { tickets: [given] }, { keepBlocked: true });
    assert.equal(shortOf(answer), "CONFIRMED 2500 done");
    assert.deepEqual(answer.refund?.ticketIds, [given.ticketId]);
    assert.deepEqual(
      holdOf(ids).rest?.seats.map(({ number }) => number),
      [kept.seat!.number],
    );
    assert.deepEqual([holdOf(ids).blocked, world.inventory.stateOf(ids.reservationId)], [true, "CONFIRMED"]);
    assert.equal(await refundedOf(ids), 2_500n);
    const words = [];
    for (const code of codes) words.push(wordOf(await admit(replica, { eventId: ids.eventId, code })));
    assert.deepEqual(words, ["REVOKED", "admitted"]);
    assert.deepEqual(await violations(ids), []);
  });

  it("give an amount back, and leave every seat and ticket as it is", async () => {
    const { ids } = await buyTickets(replica);
    assert.equal(await refund(ids, { amount: 700n }), "CONFIRMED 700 done");
    assert.equal(await refund(ids, { amount: 300n }), "CONFIRMED 300 done");
    assert.deepEqual(paidBack(ids), [700, 300]);
    assert.equal(holdOf(ids).rest, undefined);
    assert.ok((await ticketsOf(replica, ids)).every(({ state }) => state === TicketState.VALID));
    assert.deepEqual(await violations(ids), []);
  });

  it("end the booking with its last ticket, and pay back what is left with it", async () => {
    const { ids, tickets } = await buyTickets(replica);
    await refund(ids, { amount: 1_000n });
    assert.equal(await refund(ids, { tickets: [tickets[0]!] }), "CONFIRMED 2500 done");
    assert.equal(await refund(ids, { tickets: [tickets[1]!] }), "REFUNDED 1500 done");
    assert.deepEqual([paidBack(ids), world.inventory.stateOf(ids.reservationId)], [[1_000, 2_500, 1_500], "REFUNDED"]);
    assert.equal(await refund(ids, "whole"), "WRONG_STATE");
    assert.deepEqual(await violations(ids), []);
  });

  it("leave the rest to the customer, who may still give it back", async () => {
    const { ids, tickets } = await buyTickets(replica);
    await refund(ids, { tickets: [tickets[0]!] });
    assert.equal(await cancel(other, ids), "REFUNDED");
    assert.deepEqual([paidBack(ids), await refundedOf(ids)], [[2_500, 2_500], 5_000n]);
    assert.deepEqual(await violations(ids), []);
  });

  it("free the seats although all the money is back already", async () => {
    const { ids } = await buyTickets(replica);
    assert.equal(await refund(ids, { amount: 5_000n }), "CONFIRMED 5000 done");
    assert.deepEqual(await violations(ids), []);
    assert.equal(await refund(ids, "whole"), "REFUNDED 0 done");
    assert.equal(world.inventory.stateOf(ids.reservationId), "REFUNDED");
    assert.deepEqual(await violations(ids), []);
  });

  it("are never more together than was paid", async () => {
    const { ids } = await buyTickets(replica);
    await refund(ids, { amount: 4_000n });
    const { outcome } = await ask(ids, { amount: 1_001n });
    assert.equal(outcomeOf(outcome), "REFUND_EXCEEDS_PAYMENT");
    assert.deepEqual(outcome?.outcome.case === "refusal" && outcome.outcome.value.metadata, { left_minor: "1000" });
    assert.equal(await refund(ids, { amount: 1n, currencyCode: "USD" }), "INVALID_ARGUMENT");
  });

  it("are of at least one minor unit where they are of money alone", async () => {
    const { ids } = await buyTickets(replica);
    assert.equal(await refund(ids, { amount: 0n }), "INVALID_ARGUMENT");
    assert.deepEqual(paidBack(ids), []);
    assert.equal(await stateNow(replica, ids), "CONFIRMED");
  });

  it("refuse a ticket of another booking, and one that was refunded before", async () => {
    const [one, two] = [await buyTickets(replica), await buyTickets(replica)];
    assert.equal(await refund(one.ids, { tickets: [two.tickets[0]!] }), "NOT_FOUND");
    await refund(one.ids, { tickets: [one.tickets[0]!] });
    assert.equal(await refund(one.ids, { tickets: one.tickets }), "WRONG_STATE");
    assert.deepEqual(paidBack(one.ids), [2_500]);
  });

  it("may give back what was let in, or revoked, at the organiser's word", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const [inside, revoked] = tickets as [Ticket, Ticket];
    await admit(replica, { eventId: ids.eventId, code: await codeOf(replica, inside) });
    await replica.tickets.revokeTicket({ eventId: ids.eventId, ticketId: revoked.ticketId, reason: "lost" }, within);
    const before = (await ticketsOf(replica, ids))[1]!.epoch;
    assert.equal(await refund(ids, { tickets: [revoked] }), "CONFIRMED 2500 done");
    assert.equal((await ticketsOf(replica, ids))[1]!.epoch, before, "its codes were void already");
    assert.equal(await refund(ids, { tickets: [inside] }), "REFUNDED 2500 done");
  });

  it("are the same again with the same id, at any replica, also after others, and refused with anything else", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const refundId = uuidv7();
    const first = await ask(ids, { tickets: [tickets[0]!] }, { refundId });
    await ask(ids, { amount: 100n });
    const again = await ask(ids, { tickets: [tickets[0]!] }, { refundId, by: other });
    assert.deepEqual(again.refund, first.refund);
    for (const part of [{ tickets }, { amount: 2_500n }, "whole"] as const) {
      assert.equal(await refund(ids, part as Part, { refundId }), "IDEMPOTENCY_KEY_REUSED");
    }
    assert.deepEqual(paidBack(ids), [2_500, 100]);
  });

  it("are not the same in another currency", async () => {
    const { ids } = await buyTickets(replica);
    const refundId = uuidv7();
    assert.equal(await refund(ids, { amount: 700n }, { refundId }), "CONFIRMED 700 done");
    assert.equal(await refund(ids, { amount: 700n, currencyCode: "USD" }, { refundId }), "IDEMPOTENCY_KEY_REUSED");
  });

  it("leave the places of the next one alone, however late their runner is", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const refundId = uuidv7();
    world.payment.settings.refunding = true;
    await refund(ids, { tickets: [tickets[0]!] }, { refundId });
    const [late] = await readBookings(world.database.sql, [ids]);
    assert.equal((await readRunningRefund(world.database.sql, late!))?.rest.places, 1);
    world.payment.settings.refunding = false;
    await eventually(
      () => refund(ids, { tickets: [tickets[0]!] }, { refundId }),
      (word) => word.endsWith("done"),
    );
    assert.equal(await readRunningRefund(world.database.sql, late!), undefined);
    world.payment.settings.refunding = true;
    assert.equal(await refund(ids, { tickets: [tickets[1]!] }, { keepBlocked: true }), "REFUNDING 2500 running");
    assert.equal(
      await readRunningRefund(world.database.sql, late!),
      undefined,
      "what it would give back is not its own",
    );
  });

  it("come one after the other, each once, however many ask at once at two replicas", async () => {
    const { ids } = await buyTickets(replica);
    const settle = async (refundId: string, by: Replica) => {
      for (;;) {
        const word = await refund(ids, { amount: 600n }, { refundId, by });
        if (word !== "IN_PROGRESS" && !word.endsWith("running")) return word;
      }
    };
    const refundIds = Array.from({ length: 10 }, () => uuidv7());
    const words = await Promise.all(
      refundIds.flatMap((refundId) => [settle(refundId, replica), settle(refundId, other)]),
    );
    const count = (word: string) => words.filter((each) => each === word).length;
    assert.deepEqual([count("CONFIRMED 600 done"), count("REFUND_EXCEEDS_PAYMENT")], [16, 4]);
    assert.deepEqual([paidBack(ids).length, await refundedOf(ids)], [8, 4_800n]);
    assert.deepEqual(await violations(ids), []);
  });

  it("run on by themselves while payment or inventory is unclear, and hold up every other", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const refundId = uuidv7();
    world.payment.settings.refunding = true;
    assert.equal(await refund(ids, { tickets: [tickets[0]!] }, { refundId }), "CONFIRMED 2500 running");
    assert.equal(await refund(ids, "whole"), "IN_PROGRESS");
    assert.equal(await cancel(other, ids), "IN_PROGRESS");
    assert.equal(holdOf(ids).rest, undefined, "no seat is given back before its money");
    world.payment.settings.refunding = false;
    world.inventory.hooks.after = failing("releaseHolds", 1);
    const done = await eventually(
      () => refund(ids, { tickets: [tickets[0]!] }, { refundId }),
      (word) => word.endsWith("done"),
    );
    assert.equal(done, "CONFIRMED 2500 done");
    assert.deepEqual([paidBack(ids), holdOf(ids).rest?.places], [[2_500], 1]);
    assert.deepEqual(await violations(ids), []);
  });

  it("have one winner against a gate, and never let in what was given back", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ids, tickets } = await buyTickets(replica);
      const code = await codeOf(replica, tickets[0]!);
      const [word, admission] = await Promise.all([cancel(other, ids), admit(replica, { eventId: ids.eventId, code })]);
      const winner = wordOf(admission) === "admitted" ? "REFUND_NOT_ALLOWED" : "REFUNDED";
      assert.equal(word, winner);
      assert.equal(await stateNow(replica, ids), winner === "REFUNDED" ? "REFUNDED" : "CONFIRMED");
    }
  });

  it("leave the time at which the booking was confirmed as it was", async () => {
    const { ids } = await buyTickets(replica);
    const confirmedAt = async () => {
      const [row] = await world.database.sql<{ at: Date }[]>`
        select confirmed_at as at from reservation.reservation where reservation_id = ${ids.reservationId}`;
      return row!.at;
    };
    const before = await confirmedAt();
    await refund(ids, { amount: 1n });
    assert.deepEqual(await confirmedAt(), before);
  });

  it("find refunds that are not what the booking says was paid back", async () => {
    const { ids, tickets } = await buyTickets(replica);
    await refund(ids, { tickets: [tickets[0]!] });
    await world.database.sql`
      update reservation.refund set amount_minor = 1 where reservation_id = ${ids.reservationId}`;
    assert.deepEqual(
      (await violations(ids)).map(({ name }) => name),
      ["reservation.refunds_agree"],
    );
    await world.database.sql`
      update reservation.refund set amount_minor = 2500 where reservation_id = ${ids.reservationId}`;
    refundsOf(world, ids).clear();
    assert.deepEqual(
      (await violations(ids)).map(({ name }) => name),
      ["reservation.payments_agree"],
    );
  });
});
