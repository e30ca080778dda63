// The whole system through its public API: real processes, real Postgres and Redis, the sandbox provider.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { v7 as uuidv7 } from "uuid";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { RefundedSeats, type RefundReservationRequestSchema } from "#gen/boxoffice/edge/v1/operations";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { TicketState } from "#gen/boxoffice/edge/v1/ticket";
import {
  bestOf,
  curl,
  eventually,
  gateStaff,
  guest,
  organiser,
  publishEvent,
  reasonOf,
  seatedArea,
  untilKnown,
  type EdgeUser,
} from "./support/edge.ts";
import { startSystem, type System } from "./support/system.ts";

type RefundWish = Pick<MessageInitShape<typeof RefundReservationRequestSchema>, "part" | "seats">;

describe("booking, end to end", function () {
  this.timeout(120_000);
  let system: System;
  let staff: EdgeUser;
  let buyer: EdgeUser;

  before(async () => {
    // A hold whose payment stays unclear ends soon.
    system = await startSystem({ settings: { inventory: { HOLD_EXTENSION_MAX_MS: "2000" } } });
    staff = await organiser(system.gatewayUrl, system.issuerUrl);
  });
  beforeEach(async () => (buyer = await guest(system.gatewayUrl)));
  afterEach(async () => {
    const { clean, reports } = await staff.operations.checkInvariants({});
    assert.ok(reports.some(({ examined }) => examined > 0n));
    assert.deepEqual(
      reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => ({ name, examples })),
      [],
    );
    assert.equal(clean, true);
  });
  after(() => system.stop());

  const pay = (
    who: EdgeUser,
    eventId: string,
    reservationId: string,
    paymentMethodToken: string,
    idempotencyKey = uuidv7(),
  ) => untilKnown(() => who.reservations.checkout({ eventId, reservationId, paymentMethodToken, idempotencyKey }));

  /** What `make verify-ledger` prints; throws what it complains of. */
  const verifyLedger = async (settings: Record<string, string> = {}) => {
    const env = { PATH: process.env["PATH"], GATEWAY_URL: system.gatewayUrl, ORGANISER: staff.token, ...settings };
    const command = ["--import=tsx", "stack/verify-ledger.ts"];
    return (await promisify(execFile)(process.execPath, command, { env })).stdout;
  };

  it("holds, pays and confirms, and says the same again when asked again", async () => {
    const eventId = await publishEvent(staff);
    const wish = bestOf(eventId, 3);
    const { reservation } = await buyer.reservations.createReservation(wish);
    assert.equal(reservation?.state, ReservationState.HELD);
    assert.deepEqual(reservation.seats.map(({ row, number }) => `${row}${number}`).length, 3);
    assert.equal(reservation.total?.amountMinor, 7_500n);

    const key = uuidv7();
    const paid = await pay(buyer, eventId, wish.reservationId, "tok_approve", key);
    assert.equal(paid.reservation?.state, ReservationState.CONFIRMED);
    assert.deepEqual(paid.reservation.seats, reservation.seats);
    const again = await pay(buyer, eventId, wish.reservationId, "tok_approve", key);
    assert.deepEqual(again, paid);
    const { areas } = await buyer.events.getAvailability({ eventId });
    assert.deepEqual([areas[0]!.free, areas[0]!.held, areas[0]!.sold], [97, 0, 3]);
    const listed = await buyer.reservations.listReservations({});
    assert.deepEqual(
      listed.reservations.map((each) => each.reservationId),
      [wish.reservationId],
    );
  });

  it("does the same for somebody with nothing but curl", async () => {
    const eventId = await publishEvent(staff);
    const api = `${system.gatewayUrl}/boxoffice.edge.v1`;
    const session = await curl(`${api}.SessionService/CreateGuestSession`, {});
    const token = session.body.session.sessionToken;
    const found = await curl(`${api}.EventService/GetEvent`, { eventId });
    assert.equal(found.body.event.name, "Test Night");
    const reservationId = uuidv7();
    const held = await curl(
      `${api}.ReservationService/CreateReservation`,
      { eventId, reservationId, areaId: "stalls", namedSeats: { seats: [{ row: "B", number: 4 }] } },
      token,
    );
    assert.deepEqual(held.body.reservation.seats, [{ row: "B", number: 4 }]);
    const paid = await curl(
      `${api}.ReservationService/Checkout`,
      { eventId, reservationId, paymentMethodToken: "tok_approve", idempotencyKey: "first" },
      token,
    );
    assert.deepEqual([paid.status, paid.body.reservation.state], [200, "RESERVATION_STATE_CONFIRMED"]);
    const refused = await curl(
      `${api}.ReservationService/CreateReservation`,
      { eventId, reservationId: uuidv7(), areaId: "stalls", namedSeats: { seats: [{ row: "B", number: 4 }] } },
      token,
    );
    assert.equal(refused.status, 400);
    assert.equal(refused.body.code, "failed_precondition");
    assert.match(JSON.stringify(refused.body.details), /"reason":\s*"SEATS_UNAVAILABLE"/);
  });

  it("lets a declined buyer try another card while the hold lasts", async () => {
    const eventId = await publishEvent(staff);
    const wish = bestOf(eventId, 2);
    await buyer.reservations.createReservation(wish);
    const key = uuidv7();
    const declined = () => reasonOf(pay(buyer, eventId, wish.reservationId, "tok_decline", key));
    assert.equal(await declined(), "PAYMENT_DECLINED");
    assert.equal(await declined(), "PAYMENT_DECLINED");
    const paid = await pay(buyer, eventId, wish.reservationId, "tok_approve");
    assert.equal(paid.reservation?.state, ReservationState.CONFIRMED);
    assert.equal(await declined(), "PAYMENT_DECLINED");
  });

  it("sells the seats of a lapsed hold to whoever needs them, and refuses the late payment", async () => {
    const eventId = await publishEvent(staff, { holdTtlMs: 1_000 });
    const first = bestOf(eventId, 10);
    const { reservation } = await buyer.reservations.createReservation(first);
    const other = await guest(system.gatewayUrl);
    const resold = await eventually("the seats are sold again", async () => {
      const named = { case: "namedSeats" as const, value: { seats: reservation!.seats } };
      return await other.reservations
        .createReservation({ eventId, reservationId: uuidv7(), areaId: "stalls", selection: named })
        .catch(() => undefined);
    });
    assert.equal(resold.reservation?.state, ReservationState.HELD);
    assert.equal(await reasonOf(pay(buyer, eventId, first.reservationId, "tok_approve")), "HOLD_EXPIRED");
    const { reservation: mine } = await buyer.reservations.getReservation(first);
    assert.equal(mine?.state, ReservationState.EXPIRED);
  });

  it("gives seats back when a hold is cancelled, and money too when a booking is", async () => {
    const eventId = await publishEvent(staff);
    const [held, paid] = [bestOf(eventId, 4), bestOf(eventId, 4)];
    await buyer.reservations.createReservation(held);
    await buyer.reservations.createReservation(paid);
    await pay(buyer, eventId, paid.reservationId, "tok_approve");
    const cancelled = await buyer.reservations.cancelReservation(held);
    assert.equal(cancelled.reservation?.state, ReservationState.CANCELLED);
    const cancel = () => untilKnown(() => buyer.reservations.cancelReservation(paid));
    await cancel();
    await eventually("the refund is done", async () =>
      (await cancel()).reservation?.state === ReservationState.REFUNDED ? true : undefined,
    );
    const { areas } = await buyer.events.getAvailability({ eventId });
    assert.deepEqual([areas[0]!.free, areas[0]!.held, areas[0]!.sold], [100, 0, 0]);
  });

  it("refunds at the organiser's word, and shows a sale whose money and seats agree, from a ledger that verifies", async () => {
    const eventId = await publishEvent(staff);
    const wishes = [bestOf(eventId, 4), bestOf(eventId, 3), bestOf(eventId, 2), bestOf(eventId, 1)];
    for (const wish of wishes) await buyer.reservations.createReservation(wish);
    for (const { reservationId } of wishes.slice(0, 3)) await pay(buyer, eventId, reservationId, "tok_approve");
    const refundOf = (index: number, seats: RefundedSeats) => {
      const { reservationId } = wishes[index]!;
      const request = { eventId, reservationId, refundId: uuidv7(), reason: "moved to another hall", seats };
      return eventually("the refund is done", async () => {
        const answer = await untilKnown(() => staff.operations.refundReservation(request));
        return answer.reservation?.state === ReservationState.REFUNDED ? answer : undefined;
      });
    };
    const blocked = await refundOf(0, RefundedSeats.KEPT_BLOCKED);
    assert.deepEqual([blocked.refund?.reason, blocked.refund?.amount?.amountMinor], ["moved to another hall", 10_000n]);
    await refundOf(1, RefundedSeats.BACK_ON_SALE);
    assert.equal(await reasonOf(refundOf(3, RefundedSeats.BACK_ON_SALE)), "WRONG_STATE");

    const { agrees, areas } = await staff.operations.saleReport({ eventId });
    assert.equal(agrees, true);
    const [stalls] = areas;
    assert.deepEqual([stalls!.free, stalls!.held, stalls!.sold, stalls!.blocked], [93, 1, 2, 4]);
    const amounts = [stalls!.revenue, stalls!.refunds, stalls!.fees, stalls!.inFlight];
    assert.deepEqual(
      amounts.map((money) => money?.amountMinor),
      // The sandbox keeps 1.5 % and 25 of each payment: 175, 138 and 100. A refund takes none of that back.
      [22_500n, 17_500n, 413n, 0n],
    );
    assert.equal(await reasonOf(buyer.operations.saleReport({ eventId })), "PermissionDenied");

    const chain = await eventually("everything is sealed", async () => {
      const found = await staff.operations.verifyLedger({});
      assert.equal(found.broken, undefined);
      return found.unsealed === 0n ? found : undefined;
    });
    assert.equal(chain.done, true);
    assert.ok(chain.headLink >= 5n);
    assert.match(await verifyLedger(), /the ledger is whole; its head is \d+:[0-9a-f]{64};/);
    await assert.rejects(verifyLedger({ AFTER: `1:${"0".repeat(64)}` }), /link 1 is altered/);
    await assert.rejects(verifyLedger({ AFTER: `999999:${"0".repeat(64)}` }), { code: 3, stdout: "" });
  });

  it("refunds by ticket and by amount, and shows a sale that still agrees with its seats", async () => {
    const eventId = await publishEvent(staff);
    const wish = bestOf(eventId, 3);
    const { reservationId } = wish;
    await buyer.reservations.createReservation(wish);
    await pay(buyer, eventId, reservationId, "tok_approve");
    const { tickets } = await buyer.tickets.listTickets({ eventId });
    const refund = (request: RefundWish) => {
      const full = { eventId, reservationId, refundId: uuidv7(), reason: "a broken seat", ...request };
      return eventually("the refund is done", async () => {
        const answer = await untilKnown(() => staff.operations.refundReservation(full));
        return answer.refund?.done ? answer : undefined;
      });
    };
    const ticketsPart = (ticketIds: string[]) => ({ case: "tickets" as const, value: { ticketIds } });
    const amountPart = (amountMinor: bigint) => ({
      case: "amount" as const,
      value: { currencyCode: "EUR", amountMinor },
    });

    const sorry = await refund({ part: amountPart(500n) });
    assert.equal(sorry.reservation?.state, ReservationState.CONFIRMED);
    const one = await refund({
      part: ticketsPart([tickets[1]!.ticketId]),
      seats: RefundedSeats.BACK_ON_SALE,
    });
    assert.deepEqual([one.refund?.amount?.amountMinor, one.reservation?.refunded?.amountMinor], [2_500n, 3_000n]);
    const states = (await buyer.tickets.listTickets({ eventId })).tickets.map(({ state }) => TicketState[state]);
    assert.deepEqual(states, ["VALID", "REVOKED", "VALID"]);
    assert.equal(await reasonOf(refund({ part: amountPart(4_501n) })), "REFUND_EXCEEDS_PAYMENT");

    const sale = async () => {
      const { agrees, areas } = await staff.operations.saleReport({ eventId });
      const { free, sold, blocked, revenue, refunds, allowances } = areas[0]!;
      const money = [revenue, refunds, allowances].map((each) => Number(each?.amountMinor));
      return { agrees, seats: [free, sold, blocked], money };
    };
    assert.deepEqual(await sale(), { agrees: true, seats: [98, 2, 0], money: [7_500, 3_000, 500] });
    const taken = await (
      await guest(system.gatewayUrl)
    ).reservations.createReservation({
      ...bestOf(eventId, 1),
      selection: { case: "namedSeats", value: { seats: [tickets[1]!.seat!] } },
    });
    assert.equal(taken.reservation?.state, ReservationState.HELD);

    // The rest of it, made up for what was paid back before.
    const rest = await refund({ seats: RefundedSeats.KEPT_BLOCKED });
    assert.deepEqual([rest.refund?.amount?.amountMinor, rest.reservation?.state], [4_500n, ReservationState.REFUNDED]);
    assert.deepEqual(await sale(), { agrees: true, seats: [97, 0, 2], money: [7_500, 7_500, 0] });
  });

  it("lets customers give back what they paid until the event's refunds end, or somebody was let in", async () => {
    const never = await publishEvent(staff, { refundUntilMs: Date.now() - 1 });
    const wish = bestOf(never, 1);
    await buyer.reservations.createReservation(wish);
    await pay(buyer, never, wish.reservationId, "tok_approve");
    assert.equal(await reasonOf(buyer.reservations.cancelReservation(wish)), "REFUND_NOT_ALLOWED");

    const eventId = await publishEvent(staff);
    const [used, unused] = [bestOf(eventId, 1), bestOf(eventId, 1)];
    for (const each of [used, unused]) {
      await buyer.reservations.createReservation(each);
      await pay(buyer, eventId, each.reservationId, "tok_approve");
    }
    const { tickets } = await buyer.tickets.listTickets({ eventId, reservationId: used.reservationId });
    const { code } = await buyer.tickets.getTicketQr({ eventId, ticketId: tickets[0]!.ticketId });
    const gate = await gateStaff(system.gatewayUrl, system.issuerUrl);
    await gate.tickets.admitTicket({ eventId, code, deviceId: "scanner-1", nonce: uuidv7(), gate: "north" });
    assert.equal(await reasonOf(buyer.reservations.cancelReservation(used)), "REFUND_NOT_ALLOWED");
    const given = await untilKnown(() => buyer.reservations.cancelReservation(unused));
    assert.match(ReservationState[given.reservation!.state], /^REFUND(ING|ED)$/);
    await eventually("the money is back", async () => {
      const { reservation } = await buyer.reservations.getReservation(unused);
      return reservation?.state === ReservationState.REFUNDED || undefined;
    });
  });

  it("shows a reservation to nobody but its customer", async () => {
    const eventId = await publishEvent(staff);
    const wish = bestOf(eventId, 1);
    await buyer.reservations.createReservation(wish);
    const thief = await guest(system.gatewayUrl);
    assert.equal(await reasonOf(thief.reservations.getReservation(wish)), "NOT_FOUND");
    assert.equal(await reasonOf(thief.reservations.cancelReservation(wish)), "NOT_FOUND");
    assert.equal(await reasonOf(pay(thief, eventId, wish.reservationId, "tok_approve")), "NOT_FOUND");
    assert.equal(await reasonOf(thief.reservations.createReservation(wish)), "IDEMPOTENCY_KEY_REUSED");
    assert.deepEqual((await thief.reservations.listReservations({})).reservations, []);
  });

  it("gives 50 seats to 200 buyers who come at once: each seat once, and a true answer to everybody", async () => {
    const eventId = await publishEvent(staff, { areas: [seatedArea("stalls", 5, 10)] });
    const buyers = await Promise.all(Array.from({ length: 200 }, () => guest(system.gatewayUrl)));
    const answers = await Promise.all(
      buyers.map((each) =>
        untilKnown(() => each.reservations.createReservation(bestOf(eventId, 1))).then(
          ({ reservation }) => `${reservation!.seats[0]!.row}${reservation!.seats[0]!.number}`,
          (error: unknown) => reasonOf(Promise.reject(error)),
        ),
      ),
    );
    const seats = answers.filter((answer) => answer !== "SOLD_OUT");
    assert.equal(seats.length, 50);
    assert.equal(new Set(seats).size, 50);
  });

  it("makes one reservation of 100 identical requests", async () => {
    const eventId = await publishEvent(staff, { customerLimit: 2 });
    const wish = bestOf(eventId, 2);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => untilKnown(() => buyer.reservations.createReservation(wish))),
    );
    assert.equal(new Set(answers.map(({ reservation }) => JSON.stringify(reservation?.seats))).size, 1);
    const { areas } = await buyer.events.getAvailability({ eventId });
    assert.equal(areas[0]!.held, 2);
  });

  it("keeps a customer within the event's limit, however many requests come at once", async () => {
    const eventId = await publishEvent(staff, { customerLimit: 5 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        untilKnown(() => buyer.reservations.createReservation(bestOf(eventId, 2))).then(
          () => "HELD",
          (error: unknown) => reasonOf(Promise.reject(error)),
        ),
      ),
    );
    assert.equal(answers.filter((answer) => answer === "HELD").length, 2);
    assert.equal(answers.filter((answer) => answer === "CUSTOMER_LIMIT").length, 18);
  });

  const providerStories: [token: string, end: string][] = [
    ["tok_approve", "CONFIRMED"],
    ["tok_decline", "PAYMENT_DECLINED"],
    ["tok_webhook_first", "CONFIRMED"],
    ["tok_slow", "CONFIRMED"],
    ["tok_down_once", "CONFIRMED"],
    ["tok_timeout_after_authorize", "CONFIRMED"],
    ["tok_timeout_after_capture", "CONFIRMED"],
    ["tok_capture_declined", "PAYMENT_DECLINED"],
    ["tok_garbled", "CONFIRMED"],
    ["tok_answers_twice", "CONFIRMED"],
    ["tok_reset", "CONFIRMED"],
  ];
  for (const [token, end] of providerStories) {
    it(`ends in ${end} when the provider behaves like ${token}, and charges at most once`, async () => {
      const eventId = await publishEvent(staff);
      const wish = bestOf(eventId, 1);
      const capturesBefore = await capturesOf(system);
      await buyer.reservations.createReservation(wish);
      const answer = await pay(buyer, eventId, wish.reservationId, token).then(
        ({ reservation }) => ReservationState[reservation!.state],
        (error: unknown) => reasonOf(Promise.reject(error)),
      );
      assert.equal(answer, end);
      assert.equal((await capturesOf(system)) - capturesBefore, end === "CONFIRMED" ? 1 : 0);
    });
  }

  it("leaves a booking in payment while the provider is down, and undoes it when that lasts", async () => {
    const eventId = await publishEvent(staff, { holdTtlMs: 1_000 });
    const wish = bestOf(eventId, 1);
    await buyer.reservations.createReservation(wish);
    const request = {
      eventId,
      reservationId: wish.reservationId,
      paymentMethodToken: "tok_down",
      idempotencyKey: "one",
    };
    assert.equal(await reasonOf(buyer.reservations.checkout(request, { timeoutMs: 1_500 })), "IN_PROGRESS");
    assert.equal(await reasonOf(buyer.reservations.cancelReservation(wish)), "IN_PROGRESS");
    const stateNow = async () => (await buyer.reservations.getReservation(wish)).reservation?.state;
    assert.equal(await stateNow(), ReservationState.PAYING);
    await eventually("the booking is undone", async () =>
      (await stateNow()) === ReservationState.EXPIRED ? true : undefined,
    );
    assert.equal(await reasonOf(buyer.reservations.checkout(request)), "HOLD_EXPIRED");
    const { areas } = await buyer.events.getAvailability({ eventId });
    assert.deepEqual([areas[0]!.free, areas[0]!.held, areas[0]!.sold], [100, 0, 0]);
  });
});

async function capturesOf({ sandboxUrl }: System): Promise<number> {
  const stats = (await (await fetch(`${sandboxUrl}/v1/stats`)).json()) as { captures: number };
  return stats.captures;
}
