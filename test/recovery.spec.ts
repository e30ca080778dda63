// What a crash leaves behind is finished by whoever comes next: `kill -9` between the written steps of the saga, two
// replicas of everything, a rolling restart under load.

import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { Phase } from "../services/reservation/src/domain/booking.ts";
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

describe("recovery", function () {
  this.timeout(180_000);
  let system: System;
  let staff: EdgeUser;

  before(async () => {
    system = await startSystem({
      replicas: { inventory: 2, reservation: 2, gateway: 2 },
    });
    staff = await organiser(system.gatewayUrl, system.issuerUrl);
  });
  afterEach(async () => {
    const { reports } = await untilKnown(() => staff.operations.checkInvariants({}));
    assert.deepEqual(
      reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => ({ name, examples })),
      [],
    );
  });
  after(() => system.stop());

  /** Pays with `token`, kills every reservation process with -9 once `phase` is written, brings them back. */
  async function killInPhase(
    token: string,
    phase: number,
  ): Promise<{ buyer: EdgeUser; wish: ReturnType<typeof bestOf> }> {
    const eventId = await publishEvent(staff);
    const buyer = await guest(system.gatewayUrl);
    const wish = bestOf(eventId, 2);
    await buyer.reservations.createReservation(wish);
    const { reservationId } = wish;
    const asked = buyer.reservations
      .checkout({ eventId, reservationId, paymentMethodToken: token, idempotencyKey: "one" })
      .catch((error: unknown) => error);
    await eventually(`phase ${phase} is written`, async () => {
      const [row] = await system.database.sql<{ phase: number }[]>`
        select phase from reservation.reservation where event_id = ${eventId} and reservation_id = ${reservationId}`;
      return row?.phase === phase ? row : undefined;
    });
    await Promise.all(["reservation", "reservation-2"].map((name) => system.kill(name, "SIGKILL")));
    await asked;
    await Promise.all(["reservation", "reservation-2"].map((name) => system.restart(name)));
    return { buyer, wish };
  }

  for (const phase of ["authorizing", "capturing"] as const) {
    it(`confirms a booking whose process was killed while ${phase}, and captures it once`, async () => {
      const before = await statsOf(system);
      const { buyer, wish } = await killInPhase("tok_slow", Phase[phase]);
      await eventually("the booking is confirmed", async () => {
        const { reservation } = await untilKnown(() => buyer.reservations.getReservation(wish));
        return reservation?.state === ReservationState.CONFIRMED ? true : undefined;
      });
      const request = { eventId: wish.eventId, reservationId: wish.reservationId, paymentMethodToken: "tok_slow" };
      const { reservation } = await untilKnown(() =>
        buyer.reservations.checkout({ ...request, idempotencyKey: "one" }),
      );
      assert.equal(reservation?.state, ReservationState.CONFIRMED);
      const after = await statsOf(system);
      assert.equal(after.captures - before.captures, 1);
      assert.equal(after.authorizations - before.authorizations, 1);
    });
  }

  it("decides the same through two replicas of everything as through one", async () => {
    const eventId = await publishEvent(staff, { areas: [seatedArea("stalls", 5, 10)], customerLimit: 2 });
    const doors = [system.gatewayUrl, `http://127.0.0.1:${system.portsOf("gateway-2").http}`];
    const buyers = await Promise.all(Array.from({ length: 60 }, (_, index) => guest(doors[index % 2]!)));
    const answers = await Promise.all(
      buyers.flatMap((buyer) => {
        const wish = bestOf(eventId, 1);
        // Each asks for one seat twice under the same id, and for three more, of which its limit allows one.
        return [wish, wish, bestOf(eventId, 1), bestOf(eventId, 1), bestOf(eventId, 1)].map((each) =>
          untilKnown(() => buyer.reservations.createReservation(each)).then(
            ({ reservation }) => `${reservation!.reservationId} ${JSON.stringify(reservation!.seats)}`,
            (error: unknown) => reasonOf(Promise.reject(error)),
          ),
        );
      }),
    );
    const held = new Set(answers.filter((answer) => answer.includes(" ")));
    assert.equal(held.size, 50);
    assert.equal(new Set([...held].map((answer) => answer.split(" ")[1])).size, 50);
    const [row] = await system.database.sql<{ most: number }[]>`
      select max(seats) as most from (
        select sum(quantity) as seats from inventory.hold where event_id = ${eventId} group by customer_id) as owned`;
    assert.ok(Number(row!.most) <= 2);
  });

  it("loses no answer while every service is restarted in turn", async () => {
    const eventId = await publishEvent(staff, { areas: [seatedArea("stalls", 20, 50)] });
    const buyers = await Promise.all(Array.from({ length: 8 }, () => guest(system.gatewayUrl)));
    let going = true;
    const held: string[] = [];
    const load = Promise.all(
      buyers.map(async (buyer) => {
        while (going && held.length < 900) {
          const wish = bestOf(eventId, 1, "stalls", uuidv7());
          await untilKnown(() => buyer.reservations.createReservation(wish));
          held.push(wish.reservationId);
        }
      }),
    );
    for (const name of ["inventory", "reservation", "inventory-2", "reservation-2", "payment"]) {
      const before = held.length;
      await system.restart(name);
      await eventually("the load goes on", async () => (held.length > before || held.length >= 900 ? true : undefined));
    }
    going = false;
    await load;
    const [row] = await system.database.sql<{ count: number }[]>`
      select count(*) as count from inventory.hold h
      join reservation.reservation r on r.event_id = h.event_id and r.reservation_id = h.hold_id
      where h.event_id = ${eventId} and h.hold_id = any(${held})`;
    assert.equal(row!.count, held.length);
  });
});

async function statsOf({ sandboxUrl }: System): Promise<{ authorizations: number; captures: number }> {
  return (await (await fetch(`${sandboxUrl}/v1/stats`)).json()) as { authorizations: number; captures: number };
}
