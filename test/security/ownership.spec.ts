// Another customer's ids, in every method that takes any; and keys that two customers happen to share. The whole system,
// since every layer has a part in it.

import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { assertCoversEveryMethod, edgeMethods, fieldsOf, nameOf } from "../support/edge-methods.ts";
import { bestOf, guest, organiser, publishEvent, reasonOf, untilKnown, type EdgeUser } from "../support/edge.ts";
import { startSystem, type System } from "../support/system.ts";

/** A customer with a reservation that is held and one that is paid, and somebody who has learnt of both. */
type Scene = {
  victim: EdgeUser;
  thief: EdgeUser;
  eventId: string;
  held: ReturnType<typeof bestOf>;
  paid: ReturnType<typeof bestOf>;
  /** How the paid one was paid. */
  payment: { paymentMethodToken: string; idempotencyKey: string };
  /** Where the victim's second page of reservations begins. */
  pageToken: string;
};

type Attack = (scene: Scene) => Promise<void>;

const takesNoCustomersIds = "takes no customer's ids";

const attacks: Record<string, Attack | typeof takesNoCustomersIds> = {
  "SessionService.CreateGuestSession": takesNoCustomersIds,
  "SessionService.ExchangeIdToken": takesNoCustomersIds,
  // Events are the house's: its organisers trust one another. What belongs to buyers is not named in these.
  "EventService.CreateEvent": takesNoCustomersIds,
  "EventService.PublishEvent": takesNoCustomersIds,
  "EventService.GetEvent": takesNoCustomersIds,
  "EventService.ListEvents": takesNoCustomersIds,
  "EventService.GetAvailability": takesNoCustomersIds,
  "OperationsService.CheckInvariants": takesNoCustomersIds,
  "ReservationService.CreateReservation": async ({ thief, held, paid }) => {
    for (const wish of [held, paid, { ...held, areaId: "elsewhere" }]) {
      const reason = await reasonOf(thief.reservations.createReservation(wish));
      assert.ok(["IDEMPOTENCY_KEY_REUSED", "NOT_FOUND"].includes(reason), reason);
    }
  },
  "ReservationService.GetReservation": async ({ thief, held, paid }) => {
    for (const wish of [held, paid, inCapitals(paid)]) {
      assert.equal(await reasonOf(thief.reservations.getReservation(wish)), "NOT_FOUND");
    }
  },
  "ReservationService.ListReservations": async ({ thief, eventId, pageToken }) => {
    for (const request of [{}, { eventId }, { pageToken }, { eventId, pageToken, pageSize: 100 }]) {
      const { reservations, nextPageToken } = await thief.reservations.listReservations(request);
      assert.deepEqual([reservations, nextPageToken], [[], ""]);
    }
  },
  "ReservationService.CancelReservation": async ({ thief, held, paid }) => {
    for (const wish of [held, paid, inCapitals(held)]) {
      assert.equal(await reasonOf(thief.reservations.cancelReservation(wish)), "NOT_FOUND");
    }
  },
  "ReservationService.Checkout": async ({ thief, held, paid, payment }) => {
    for (const { eventId, reservationId } of [held, paid, inCapitals(paid)]) {
      for (const idempotencyKey of [payment.idempotencyKey, uuidv7()]) {
        const request = { ...payment, eventId, reservationId, idempotencyKey };
        assert.equal(await reasonOf(thief.reservations.checkout(request)), "NOT_FOUND");
      }
    }
  },
};

describe("what belongs to a customer", function () {
  this.timeout(120_000);
  let system: System;
  let staff: EdgeUser;

  before(async () => {
    system = await startSystem();
    staff = await organiser(system.gatewayUrl, system.issuerUrl);
  });
  afterEach(async () => {
    const { reports } = await staff.operations.checkInvariants({});
    assert.deepEqual(
      reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => ({ name, examples })),
      [],
    );
  });
  after(() => system?.stop());

  describe("stays theirs", () => {
    let scene: Scene;
    before(async () => (scene = await createScene(system, staff)));

    it("whatever the method: each has its case", () => assertCoversEveryMethod(attacks));

    for (const method of edgeMethods) {
      const attack = attacks[nameOf(method)];
      if (typeof attack === "function") {
        it(`in ${nameOf(method)}, asked by somebody who knows the ids`, async () => {
          const before = await belongingsOf(scene.victim);
          await attack(scene);
          assert.deepEqual(await belongingsOf(scene.victim), before);
        });
      } else {
        it(`in ${nameOf(method)}, which can't name it`, () => {
          const ids = fieldsOf(method.input).filter(({ name }) => /_ids?$/.test(name));
          const ofNoCustomer = ["event_id", "area_id", "area_ids"];
          assert.deepEqual(
            ids.map(({ name }) => name).filter((name) => !ofNoCustomer.includes(name)),
            [],
          );
        });
      }
    }
  });

  describe("is told apart when keys collide", () => {
    let eventId: string;
    let one: EdgeUser;
    let other: EdgeUser;

    beforeEach(async () => {
      eventId = await publishEvent(staff);
      [one, other] = [await guest(system.gatewayUrl), await guest(system.gatewayUrl)];
    });

    const pay = (who: EdgeUser, { eventId, reservationId }: ReturnType<typeof bestOf>, idempotencyKey: string) =>
      untilKnown(() =>
        who.reservations.checkout({ eventId, reservationId, paymentMethodToken: "tok_approve", idempotencyKey }),
      );

    it("two reservations of one id are one, its first customer's, however close the race", async () => {
      for (let round = 0; round < 10; round += 1) {
        const wish = bestOf(eventId, 1);
        const ask = (who: EdgeUser) =>
          untilKnown(() => who.reservations.createReservation(wish)).then(
            () => "HELD",
            (error: unknown) => reasonOf(Promise.reject(error)),
          );
        const answers = await Promise.all([ask(one), ask(other)]);
        assert.deepEqual([...answers].sort(), ["HELD", "IDEMPOTENCY_KEY_REUSED"]);
        const [owner, stranger] = answers[0] === "HELD" ? [one, other] : [other, one];
        assert.equal((await owner.reservations.getReservation(wish)).reservation?.state, ReservationState.HELD);
        assert.equal(await reasonOf(stranger.reservations.getReservation(wish)), "NOT_FOUND");
      }
    });

    it("two reservations of one id in two events know nothing of each other", async () => {
      const wish = bestOf(eventId, 1);
      const elsewhere = { ...wish, eventId: await publishEvent(staff) };
      await one.reservations.createReservation(wish);
      await other.reservations.createReservation(elsewhere);
      await pay(one, wish, "first");
      const theirs = await other.reservations.getReservation(elsewhere);
      assert.equal(theirs.reservation?.state, ReservationState.HELD);
      assert.equal(await reasonOf(one.reservations.getReservation(elsewhere)), "NOT_FOUND");
      assert.equal(await reasonOf(other.reservations.cancelReservation(wish)), "NOT_FOUND");
    });

    it("two payments with one key pay each customer's own reservation", async () => {
      const [mine, theirs] = [bestOf(eventId, 1), bestOf(eventId, 1)];
      await one.reservations.createReservation(mine);
      await other.reservations.createReservation(theirs);
      const [paidMine, paidTheirs] = await Promise.all([pay(one, mine, "same"), pay(other, theirs, "same")]);
      assert.equal(paidMine.reservation?.reservationId, mine.reservationId);
      assert.equal(paidTheirs.reservation?.reservationId, theirs.reservationId);
      assert.notEqual(paidMine.paymentId, paidTheirs.paymentId);
    });

    it("an event's id is refused to a second organiser, and nothing of the first one's event changes", async () => {
      const rival = await organiser(system.gatewayUrl, system.issuerUrl, "organiser-2");
      const { event } = await rival.events.getEvent({ eventId });
      const { areas, ...facts } = event!;
      const again = {
        ...{ eventId, name: facts.name, venue: facts.venue, startTime: facts.startTime!, holdTtl: facts.holdTtl! },
        areas: areas.map(({ areaId, name, price, layout }) => ({ areaId, name, price: price!, layout })),
      };
      for (const wish of [again, { ...again, name: "Stolen Night" }]) {
        assert.equal(await reasonOf(rival.events.createEvent(wish)), "IDEMPOTENCY_KEY_REUSED");
      }
      assert.deepEqual((await rival.events.getEvent({ eventId })).event, event);
    });
  });
});

async function createScene(system: System, staff: EdgeUser): Promise<Scene> {
  const eventId = await publishEvent(staff);
  const [victim, thief] = [await guest(system.gatewayUrl), await guest(system.gatewayUrl)];
  const [held, paid] = [bestOf(eventId, 2), bestOf(eventId, 2)];
  await victim.reservations.createReservation(held);
  await victim.reservations.createReservation(paid);
  const payment = { paymentMethodToken: "tok_approve", idempotencyKey: "first" };
  await untilKnown(() => victim.reservations.checkout({ eventId, reservationId: paid.reservationId, ...payment }));
  const { nextPageToken: pageToken } = await victim.reservations.listReservations({ pageSize: 1 });
  assert.notEqual(pageToken, "");
  return { victim, thief, eventId, held, paid, payment, pageToken };
}

async function belongingsOf({ reservations, events }: EdgeUser): Promise<unknown> {
  const mine = (await reservations.listReservations({})).reservations;
  const eventIds = new Set(mine.map(({ eventId }) => eventId));
  const availability = await Promise.all([...eventIds].map((eventId) => events.getAvailability({ eventId })));
  return { mine, availability };
}

function inCapitals({ eventId, reservationId }: { eventId: string; reservationId: string }) {
  return { eventId: eventId.toUpperCase(), reservationId: reservationId.toUpperCase() };
}
