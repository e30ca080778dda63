// 3-D Secure through the whole system: the sandbox's page, its webhooks, the gateway, payment and reservation.

import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { EndReason, ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import {
  bestOf,
  eventually,
  guest,
  organiser,
  publishEvent,
  reasonOf,
  seatedArea,
  untilKnown,
  type EdgeUser,
} from "./support/edge.ts";
import { startSystem, type System } from "./support/system.ts";

describe("a buyer at the bank's page", function () {
  this.timeout(120_000);
  let system: System;
  let staff: EdgeUser;
  let buyer: EdgeUser;
  before(async () => {
    // Where no webhook comes through, nobody looks by themselves: what happens here, webhooks did.
    system = await startSystem({
      settings: { reservation: { ACTION_POLL_MS: "600000" }, inventory: { HOLD_EXTENSION_MAX_MS: "0" } },
    });
    staff = await organiser(system.gatewayUrl, system.issuerUrl);
  });
  beforeEach(async () => (buyer = await guest(system.gatewayUrl)));
  afterEach(async () => {
    const { reports } = await staff.operations.checkInvariants({});
    assert.deepEqual(
      reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => ({ name, examples })),
      [],
    );
  });
  after(() => system.stop());

  const begin = async (wishes?: Parameters<typeof publishEvent>[1]) => {
    const eventId = await publishEvent(staff, wishes);
    const wish = bestOf(eventId, 2);
    await buyer.reservations.createReservation(wish);
    const { reservationId } = wish;
    const attempt = { eventId, reservationId, paymentMethodToken: "tok_3ds", idempotencyKey: uuidv7() };
    const { reservation } = await buyer.reservations.checkout(attempt);
    assert.equal(reservation?.state, ReservationState.PAYING);
    const url = reservation.nextAction!.redirectUrl;
    return { eventId, reservationId, attempt, url };
  };
  const steer = (wish: object) =>
    fetch(`${system.sandboxUrl}/v1/webhooks`, { method: "PUT", body: JSON.stringify(wish) });
  const becomes = ({ eventId, reservationId }: { eventId: string; reservationId: string }, state: ReservationState) =>
    eventually(`the reservation is ${ReservationState[state]}`, async () => {
      const { reservation } = await buyer.reservations.getReservation({ eventId, reservationId });
      return reservation?.state === state ? reservation : undefined;
    });

  it("sees a page with two buttons, says yes, and has the seats", async () => {
    const paying = await begin();
    const page = await (await fetch(paying.url)).text();
    assert.match(page, /action="\/actions\/[^"]+\/complete"/);
    await fetch(`${paying.url}/complete`, { method: "POST" });
    const reservation = await becomes(paying, ReservationState.CONFIRMED);
    assert.equal(reservation.nextAction, undefined);
    const answer = await buyer.reservations.checkout(paying.attempt);
    assert.equal(answer.reservation?.state, ReservationState.CONFIRMED);
  });

  it("says no, and pays with another card", async () => {
    const paying = await begin();
    await fetch(`${paying.url}/fail`, { method: "POST" });
    await becomes(paying, ReservationState.HELD);
    assert.equal(await reasonOf(buyer.reservations.checkout(paying.attempt)), "PAYMENT_DECLINED");
    const other = { ...paying.attempt, paymentMethodToken: "tok_approve", idempotencyKey: uuidv7() };
    assert.equal((await buyer.reservations.checkout(other)).reservation?.state, ReservationState.CONFIRMED);
  });

  it("closes the page and gives the seats back", async () => {
    const paying = await begin();
    await buyer.reservations.cancelReservation({ eventId: paying.eventId, reservationId: paying.reservationId });
    const reservation = await becomes(paying, ReservationState.CANCELLED);
    assert.equal(reservation.endReason, EndReason.UNSPECIFIED);
    const response = await fetch(`${paying.url}/complete`, { method: "POST" });
    assert.deepEqual(await response.json(), { reference: paying.url.split("/").at(-1), status: "voided" });
  });

  it("has the seats whatever way the webhooks take: late, twice, in the wrong order, once payment is back", async () => {
    const captures = async () =>
      ((await (await fetch(`${system.sandboxUrl}/v1/stats`)).json()) as { captures: number }).captures;
    const before = await captures();
    const many = await Promise.all([begin(), begin(), begin()]);
    await steer({ held: true });
    for (const { url } of many) await fetch(`${url}/complete`, { method: "POST" });
    await system.kill("payment", "SIGKILL");
    await steer({ held: false, reversed: true, copies: 2 });
    await eventually("a webhook was refused", async () => {
      const { deliveries } = (await (await fetch(`${system.sandboxUrl}/v1/webhooks`)).json()) as {
        deliveries: { status?: number }[];
      };
      return deliveries.some(({ status }) => status === 503) || undefined;
    });
    await system.restart("payment");
    for (const paying of many) await becomes(paying, ReservationState.CONFIRMED);
    assert.equal((await captures()) - before, 3);
  });

  describe("whose payment is noticed only after the hold's end", () => {
    // Two seats in all, held for five seconds, and for five more while they are paid.
    const scarce = { holdTtlMs: 5_000, areas: [seatedArea("stalls", 1, 2)] };
    const payLate = async (meanwhile: (eventId: string) => Promise<void>) => {
      const paying = await begin(scarce);
      await system.kill("reservation", "SIGKILL");
      await fetch(`${paying.url}/complete`, { method: "POST" });
      await eventually("the hold has ended", async () => {
        const { areas } = await buyer.events.getAvailability({ eventId: paying.eventId });
        return areas[0]!.free === 2 || undefined;
      });
      await system.restart("reservation");
      await meanwhile(paying.eventId);
      return paying;
    };

    it("keeps the seats that nobody else wanted", async () => {
      const paying = await payLate(async () => {});
      const { reservation } = await untilKnown(() => buyer.reservations.checkout(paying.attempt));
      assert.equal(reservation?.state, ReservationState.CONFIRMED);
      const { areas } = await buyer.events.getAvailability({ eventId: paying.eventId });
      assert.deepEqual([areas[0]!.free, areas[0]!.held, areas[0]!.sold], [0, 0, 2]);
    });

    it("gets the money back where somebody else has them, and is told why", async () => {
      const paying = await payLate(async (eventId) => {
        const other = await guest(system.gatewayUrl);
        const wish = bestOf(eventId, 2);
        await untilKnown(() => other.reservations.createReservation(wish));
      });
      const answer = reasonOf(untilKnown(() => buyer.reservations.checkout(paying.attempt)));
      assert.equal(await answer, "HOLD_EXPIRED");
      const { eventId, reservationId } = paying;
      const { reservation } = await buyer.reservations.getReservation({ eventId, reservationId });
      assert.equal(reservation?.state, ReservationState.EXPIRED);
      assert.equal(reservation.endReason, EndReason.PAID_TOO_LATE);
      const stand = await fetch(`${system.sandboxUrl}/v1/authorizations/${paying.url.split("/").at(-1)}`);
      assert.equal(((await stand.json()) as { status: string }).status, "voided");
    });
  });

  it("can't be impersonated: nobody but the provider moves a payment", async () => {
    const paying = await begin();
    const body = JSON.stringify({ id: "evt_1", type: "authorization.authorized" });
    for (const [path, signature, status] of [
      ["sandbox", `t=${Math.floor(Date.now() / 1000)},v1=${"0".repeat(64)}`, 400],
      ["sandbox", "", 400],
      ["nobody", "", 404],
    ] as const) {
      const response = await fetch(`${system.gatewayUrl}/webhooks/${path}`, {
        ...{ method: "POST", body, headers: { "sandbox-signature": signature } },
      });
      assert.equal(response.status, status);
    }
    await fetch(`${paying.url}/complete`, { method: "POST" });
    await becomes(paying, ReservationState.CONFIRMED);
  });
});
