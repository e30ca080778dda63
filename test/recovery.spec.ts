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

  type Wish = ReturnType<typeof bestOf>;

  /** Has two seats held for a new buyer. */
  async function hold(): Promise<{ buyer: EdgeUser; wish: Wish }> {
    const eventId = await publishEvent(staff);
    const buyer = await guest(system.gatewayUrl);
    const wish = bestOf(eventId, 2);
    await buyer.reservations.createReservation(wish);
    return { buyer, wish };
  }

  /** Pays through a provider that takes seconds for every answer. */
  const paySlowly = (buyer: EdgeUser, { eventId, reservationId }: Wish) =>
    buyer.reservations.checkout({
      eventId,
      reservationId,
      paymentMethodToken: "tok_slow",
      idempotencyKey: "one",
    });

  /** Kills every reservation process with -9 once the booking is in `phase` because of `asked`, and brings them back. */
  async function killInPhase(phase: Phase, { eventId, reservationId }: Wish, asked: Promise<unknown>): Promise<void> {
    const answered = asked.catch(() => {});
    await eventually(`phase ${phase} is written`, async () => {
      const [row] = await system.database.sql<{ phase: number }[]>`
        select phase from reservation.reservation where event_id = ${eventId} and reservation_id = ${reservationId}`;
      return row?.phase === phase ? row : undefined;
    });
    await Promise.all(["reservation", "reservation-2"].map((name) => system.kill(name, "SIGKILL")));
    await answered;
    await Promise.all(["reservation", "reservation-2"].map((name) => system.restart(name)));
  }

  const stateBecomes = (state: ReservationState, buyer: EdgeUser, wish: Wish) =>
    eventually(`the booking is ${ReservationState[state]}`, async () => {
      const { reservation } = await untilKnown(() => buyer.reservations.getReservation(wish));
      return reservation?.state === state ? true : undefined;
    });

  for (const phase of ["authorizing", "capturing"] as const) {
    it(`confirms a booking whose process was killed while ${phase}, and captures it once`, async () => {
      const before = await statsOf(system);
      const { buyer, wish } = await hold();
      await killInPhase(Phase[phase], wish, paySlowly(buyer, wish));
      await stateBecomes(ReservationState.CONFIRMED, buyer, wish);
      const { reservation } = await untilKnown(() => paySlowly(buyer, wish));
      assert.equal(reservation?.state, ReservationState.CONFIRMED);
      const after = await statsOf(system);
      assert.equal(after.captures - before.captures, 1);
      assert.equal(after.authorizations - before.authorizations, 1);
    });
  }

  it("refunds a booking whose process was killed while refunding, once, and frees its seats", async () => {
    const { buyer, wish } = await hold();
    await untilKnown(() => paySlowly(buyer, wish));
    const before = await statsOf(system);
    await killInPhase(Phase.refunding, wish, buyer.reservations.cancelReservation(wish));
    await stateBecomes(ReservationState.REFUNDED, buyer, wish);
    assert.equal((await statsOf(system)).refunds - before.refunds, 1);
    const { areas } = await buyer.events.getAvailability({ eventId: wish.eventId });
    assert.deepEqual([areas[0]!.free, areas[0]!.held, areas[0]!.sold], [100, 0, 0]);
  });

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
    // More places than the load can take meanwhile, so that it never runs dry.
    const layout = { case: "generalAdmission" as const, value: { capacity: 1_000_000 } };
    const eventId = await publishEvent(staff, { areas: [{ ...seatedArea("floor", 1, 1), layout }] });
    const buyers = await Promise.all(Array.from({ length: 8 }, () => guest(system.gatewayUrl)));
    let going = true;
    const held: string[] = [];
    const load = Promise.all(
      buyers.map(async (buyer) => {
        while (going) {
          const selection = { case: "generalAdmission" as const, value: { quantity: 1 } };
          const wish = { eventId, areaId: "floor", reservationId: uuidv7(), selection };
          await untilKnown(() => buyer.reservations.createReservation(wish));
          held.push(wish.reservationId);
        }
      }),
    );
    for (const name of ["inventory", "reservation", "inventory-2", "reservation-2", "payment"]) {
      await system.restart(name);
      const before = held.length;
      await eventually("the load goes on", async () => (held.length > before ? true : undefined));
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

async function statsOf({ sandboxUrl }: System): Promise<Record<"authorizations" | "captures" | "refunds", number>> {
  return (await (await fetch(`${sandboxUrl}/v1/stats`)).json()) as Awaited<ReturnType<typeof statsOf>>;
}
