// Payments that come when their hold is over: the seats are held again, or the money goes back.

import assert from "node:assert/strict";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { EndReason } from "#gen/boxoffice/reservation/v1/reservation";
import { gateAt } from "../test/hooks.ts";
import {
  beginWaiting,
  brokenPromises,
  isInTime,
  lapseHold,
  readReservation,
  resetNeighbours,
  startTwo,
} from "../test/waiting-payments.ts";
import { cancel, createWorld, eventually, within, type Ids, type Replica, type World } from "../test/world.ts";

describe("a payment that comes after the hold's end", () => {
  let world: World;
  let replica: Replica;
  let other: Replica;
  before(async () => {
    world = await createWorld();
    [replica, other] = await startTwo(world);
  });
  beforeEach(() => resetNeighbours(world));
  after(async () => {
    assert.deepEqual(await brokenPromises(replica), []);
    await world.end();
  });

  const begin = () => beginWaiting(replica);
  const read = (ids: Ids) => readReservation(replica, ids);
  const isNow = (ids: Ids, wanted: string) => isInTime(replica, ids, wanted);
  const lapse = (ids: Ids) => lapseHold(world, ids);

  it("still buys the seats when the customer acted in time and everybody else was late", async () => {
    const before = Date.now();
    const ids = await begin();
    await lapse(ids);
    world.payment.act(ids.reservationId, true);
    await replica.client.resumeCheckout(ids, within);
    await isNow(ids, "CONFIRMED");
    const { endReason, holdExpireTime } = await read(ids);
    assert.equal(endReason, EndReason.UNSPECIFIED);
    assert.ok(timestampMs(holdExpireTime!) > before);
  });

  it("still buys the seats when the sale has closed meanwhile", async () => {
    const ids = await begin();
    await lapse(ids);
    world.inventory.settings.isSaleOver = true;
    world.payment.act(ids.reservationId, true);
    await replica.client.resumeCheckout(ids, within);
    await isNow(ids, "CONFIRMED");
  });

  describe("while whoever holds the seats again is slow", () => {
    const holdAgainOf = (ids: Ids) =>
      [...world.inventory.holds].find(
        ([id, { command }]) => id !== ids.reservationId && command.eventId === ids.eventId,
      );
    /** Stops the replica before its second hold is made, lets others end the booking, and returns what became of the hold. */
    const holdAfter = async (ids: Ids, end: () => Promise<unknown>) => {
      await lapse(ids);
      world.payment.act(ids.reservationId, true);
      const gate = gateAt("holdSeats");
      world.inventory.hooks.before = gate.hook;
      await replica.client.resumeCheckout(ids, within);
      await gate.reached;
      world.inventory.hooks.before = () => {};
      await end();
      gate.open();
      const [holdId] = (await eventually(() => holdAgainOf(ids), Boolean))!;
      return await eventually(
        () => world.inventory.stateOf(holdId),
        (state) => state !== "HELD",
      );
    };

    it("can't be given up any more: the customer has acted, and gets the seats", async () => {
      const ids = await begin();
      const giveUp = async () => assert.equal(await cancel(other, ids), "IN_PROGRESS");
      assert.equal(await holdAfter(ids, giveUp), "CONFIRMED");
      await isNow(ids, "CONFIRMED");
    });

    it("leaves nothing sold or held when another replica finds the seats gone", async () => {
      const ids = await begin();
      const reconciling = await world.startReplica({ RECONCILER_INTERVAL_MS: "20" });
      const loseSeats = async () => {
        world.inventory.settings.placesMax = 0;
        // As if the slow one's lease had run out.
        await world.database.sql`
          update reservation.reservation set next_attempt_at = clock_timestamp()
          where reservation_id = ${ids.reservationId}`;
        await isNow(ids, "EXPIRED");
        world.inventory.settings.placesMax = Infinity;
      };
      assert.equal(await holdAfter(ids, loseSeats), "RELEASED");
      assert.equal((await read(ids)).endReason, EndReason.PAID_TOO_LATE);
      assert.deepEqual(world.payment.statesOf(ids.reservationId), ["VOIDED"]);
      await reconciling.stop();
    });
  });

  describe("when somebody else has the seats", () => {
    const comeLate = async (ids: Ids) => {
      await lapse(ids);
      world.payment.act(ids.reservationId, true);
      world.inventory.settings.placesMax = 0;
      await replica.client.resumeCheckout(ids, within);
    };
    const refundsOf = async ({ reservationId }: Ids) => world.database.sql`
      select kind, amount_minor, returned_minor, requested_by, reason from reservation.refund
      where reservation_id = ${reservationId}`;

    it("is voided", async () => {
      const ids = await begin();
      await comeLate(ids);
      await isNow(ids, "EXPIRED");
      assert.equal((await read(ids)).endReason, EndReason.PAID_TOO_LATE);
      assert.deepEqual(world.payment.statesOf(ids.reservationId), ["VOIDED"]);
      assert.deepEqual([...(await refundsOf(ids))], []);
    });

    it("is refunded where it was captured all the same, by a refund that says why", async () => {
      const ids = await begin();
      const payment = [...world.payment.payments.values()].find(
        ({ request }) => request.reservationId === ids.reservationId,
      )!;
      payment.captures = 1;
      await comeLate(ids);
      await isNow(ids, "REFUNDED");
      const { endReason, refunded } = await read(ids);
      assert.deepEqual([endReason, refunded?.amountMinor], [EndReason.PAID_TOO_LATE, 5_000n]);
      assert.deepEqual(world.payment.statesOf(ids.reservationId), ["REFUNDED"]);
      assert.deepEqual(
        [...(await refundsOf(ids))],
        [
          {
            ...{ kind: "whole", amount_minor: 5_000, returned_minor: 5_000, requested_by: "reservation" },
            reason: "captured after the seats were lost",
          },
        ],
      );
    });
  });
});
