// Why a seat is where it is, asked of the whole system.

import assert from "node:assert/strict";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { v7 as uuidv7 } from "uuid";
import { RefundedSeats } from "#gen/boxoffice/edge/v1/operations";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { SeatState, StoryKind, type Story } from "#stubs";
import {
  curl,
  eventually,
  gateStaff,
  guest,
  organiser,
  publishEvent,
  reasonOf,
  untilKnown,
  type EdgeUser,
} from "./support/edge.ts";
import { startSystem, type System } from "./support/system.ts";

const seat = { row: "A", number: 3 };

describe("explaining, end to end", function () {
  this.timeout(120_000);
  let system: System;
  let staff: EdgeUser;
  before(async () => {
    system = await startSystem();
    staff = await organiser(system.gatewayUrl, system.issuerUrl);
  });
  after(() => system.stop());

  const holdSeat = async (buyer: EdgeUser, eventId: string) => {
    const selection = { case: "namedSeats" as const, value: { seats: [seat] } };
    const wish = { eventId, areaId: "stalls", reservationId: uuidv7(), selection };
    await untilKnown(() => buyer.reservations.createReservation(wish));
    return { eventId, reservationId: wish.reservationId };
  };
  const pay = (buyer: EdgeUser, ids: { eventId: string; reservationId: string }, paymentMethodToken: string) =>
    untilKnown(() => buyer.reservations.checkout({ ...ids, paymentMethodToken, idempotencyKey: paymentMethodToken }));
  const untilRefunded = (buyer: EdgeUser, ids: { eventId: string; reservationId: string }) =>
    eventually("the booking is refunded", async () => {
      const { reservation } = await buyer.reservations.getReservation(ids);
      return reservation?.state === ReservationState.REFUNDED ? true : undefined;
    });
  const kindsOf = ({ entries }: Story) => entries.map(({ kind }) => StoryKind[kind]);

  it("tells the whole way of a booking through all services, in order, with its times", async () => {
    const buyer = await guest(system.gatewayUrl);
    const ids = await holdSeat(buyer, await publishEvent(staff));
    assert.equal(await reasonOf(pay(buyer, ids, "tok_decline")), "PAYMENT_DECLINED");
    await pay(buyer, ids, "tok_approve");
    const [ticket] = (await buyer.tickets.listTickets({ reservationId: ids.reservationId })).tickets;
    const key = { eventId: ids.eventId, ticketId: ticket!.ticketId };
    const { code } = await buyer.tickets.getTicketQr(key);
    const gate = await gateStaff(system.gatewayUrl, system.issuerUrl);
    const scan = { eventId: ids.eventId, code, deviceId: "scanner-1", nonce: "1", gate: "north" };
    await gate.tickets.admitTicket(scan);
    // Who was let in gets money back from an organiser only.
    const refund = { ...ids, refundId: uuidv7(), reason: "a pillar in front" };
    const amount = { currencyCode: "EUR", amountMinor: 500n };
    await eventually("the amount is paid back", async () => {
      const part = { case: "amount" as const, value: amount };
      const answer = await untilKnown(() => staff.operations.refundReservation({ ...refund, part }));
      return answer.refund?.done || undefined;
    });
    const rest = { ...refund, refundId: uuidv7(), seats: RefundedSeats.BACK_ON_SALE };
    await untilKnown(() => staff.operations.refundReservation(rest));
    await untilRefunded(buyer, ids);

    const { story } = await staff.operations.explainReservation(ids);
    assert.deepEqual(kindsOf(story!), [
      "SEATS_HELD",
      "RESERVATION_CREATED",
      "CHECKOUT_STARTED",
      "PAYMENT_REQUESTED",
      "PAYMENT_DECLINED",
      "CHECKOUT_ENDED",
      "CHECKOUT_STARTED",
      "PAYMENT_REQUESTED",
      "PAYMENT_AUTHORIZED",
      "SEATS_SOLD",
      "PAYMENT_CAPTURED",
      "PAYMENT_FEE_POSTED",
      "CHECKOUT_ENDED",
      "RESERVATION_CONFIRMED",
      "TICKETS_ISSUED",
      "TICKET_ADMITTED",
      "REFUND_STARTED",
      "PAYMENT_REFUNDING",
      "PAYMENT_REFUNDED",
      "RESERVATION_PARTLY_REFUNDED",
      "REFUND_STARTED",
      "TICKET_REVOKED",
      "PAYMENT_REFUNDING",
      "PAYMENT_REFUNDED",
      "SEATS_RETURNED",
      "RESERVATION_REFUNDED",
    ]);
    const times = story!.entries.map(({ time }) => timestampMs(time!));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.equal(story!.summary, "REFUNDED: the money is back.");
    assert.doesNotMatch(story!.entries.map(({ text }) => text).join(), /tok_/);
  });

  it("tells why a seat is gone, and of everybody who had it", async () => {
    const eventId = await publishEvent(staff);
    const [first, second] = await Promise.all([guest(system.gatewayUrl), guest(system.gatewayUrl)]);
    const given = await holdSeat(first, eventId);
    await pay(first, given, "tok_approve");
    await untilKnown(() => first.reservations.cancelReservation(given));
    await untilRefunded(first, given);
    const sold = await holdSeat(second, eventId);
    await pay(second, sold, "tok_approve");

    const { stories, ...answer } = await staff.operations.explainSeat({ eventId, areaId: "stalls", seat });
    assert.equal(answer.state, SeatState.SOLD);
    assert.equal(answer.summary, `A-3 in stalls is sold to customer ${second.customerId}.`);
    assert.equal(answer.ownerReservationId, sold.reservationId);
    assert.deepEqual(
      stories.map(({ id, summary }) => [id, summary.split(":")[0]]),
      [
        [sold.reservationId, "CONFIRMED"],
        [given.reservationId, "REFUNDED"],
      ],
    );
  });

  it("answers organisers only, as JSON too", async () => {
    const buyer = await guest(system.gatewayUrl);
    const ids = await holdSeat(buyer, await publishEvent(staff));
    const url = `${system.gatewayUrl}/boxoffice.edge.v1.OperationsService/ExplainReservation`;
    assert.equal((await curl(url, ids, buyer.token)).status, 403);
    assert.equal((await curl(url, ids)).status, 401);
    const { status, body } = await curl(url, ids, staff.token);
    assert.equal(status, 200);
    assert.equal(body.story.entries[0].kind, "STORY_KIND_SEATS_HELD");
    assert.equal((await curl(url, { ...ids, reservationId: uuidv7() }, staff.token)).status, 404);
  });
});
