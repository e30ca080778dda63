// Another customer's ids, in every method that takes any; and keys that two customers happen to share. The whole system,
// since every layer has a part in it.

import assert from "node:assert/strict";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { v7 as uuidv7 } from "uuid";
import { RefundedSeats } from "#gen/boxoffice/edge/v1/operations";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import type { Ticket } from "#gen/boxoffice/edge/v1/ticket";
import { assertCoversEveryMethod, edgeMethods, fieldsOf, nameOf } from "../support/edge-methods.ts";
import { bestOf, guest, organiser, publishEvent, reasonOf, untilKnown, type EdgeUser } from "../support/edge.ts";
import { startSystem, type System } from "../support/system.ts";

/** A customer with a reservation that is held, one that is paid and its tickets, and somebody who has learnt of all of it. */
type Scene = {
  victim: EdgeUser;
  friend: EdgeUser;
  thief: EdgeUser;
  eventId: string;
  held: ReturnType<typeof bestOf>;
  paid: ReturnType<typeof bestOf>;
  /** How the paid one was paid. */
  payment: { paymentMethodToken: string; idempotencyKey: string };
  /** A ticket that is the victim's, and the code of it. */
  ticket: Ticket;
  code: string;
  /** A ticket that the victim gave to a friend, as it was before. */
  given: Ticket;
  /** Where the victim's second pages of reservations and of tickets begin. */
  pageToken: string;
  ticketsPageToken: string;
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
  "OperationsService.VerifyLedger": takesNoCustomersIds,
  "OperationsService.SaleReport": takesNoCustomersIds,
  "TicketService.GetVerificationKeys": takesNoCustomersIds,
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
  "OperationsService.ExplainReservation": async ({ thief, held, paid }) => {
    for (const { eventId, reservationId } of [held, paid, inCapitals(paid)]) {
      const request = { eventId, reservationId };
      assert.equal(await reasonOf(thief.operations.explainReservation(request)), "PermissionDenied");
    }
  },
  // A seat's story names its buyers, though the question names none.
  "OperationsService.ExplainSeat": async ({ thief, eventId, ticket: { areaId, seat } }) => {
    const request = { eventId, areaId, ...(seat && { seat }) };
    assert.equal(await reasonOf(thief.operations.explainSeat(request)), "PermissionDenied");
  },
  "TicketService.ListTickets": async ({ thief, eventId, paid, ticketsPageToken }) => {
    const { reservationId } = paid;
    const pageToken = ticketsPageToken;
    for (const request of [{}, { eventId }, { reservationId }, { eventId, reservationId }, { pageToken }]) {
      const { tickets, nextPageToken } = await thief.tickets.listTickets({ ...request, pageSize: 100 });
      assert.deepEqual([tickets, nextPageToken], [[], ""]);
    }
  },
  "TicketService.GetTicketQr": async ({ thief, ticket, given }) => {
    for (const { eventId, ticketId } of [ticket, given]) {
      for (const key of [
        { eventId, ticketId },
        { eventId, ticketId: ticketId.toUpperCase() },
      ]) {
        assert.equal(await reasonOf(thief.tickets.getTicketQr(key)), "NOT_FOUND");
      }
    }
  },
  // Of the one that was given away, what its owners asked for is asked again, and asked for otherwise.
  "TicketService.TransferTicket": async ({ thief, victim, friend, ticket, given }) => {
    for (const { eventId, ticketId, epoch } of [ticket, given, { ...given, epoch: given.epoch + 1 }]) {
      for (const receiverId of [thief.customerId, victim.customerId, friend.customerId]) {
        const request = { eventId, ticketId, epoch, receiverId };
        assert.ok(["NOT_FOUND", "INVALID_ARGUMENT"].includes(await reasonOf(thief.tickets.transferTicket(request))));
      }
    }
  },
  // At the door it is the code that counts, whoever holds it: so only the gate may show one.
  "TicketService.VerifyTicket": async ({ thief, eventId, code }) => {
    assert.equal(await reasonOf(thief.tickets.verifyTicket({ eventId, code })), "PermissionDenied");
  },
  "TicketService.AdmitTicket": async ({ thief, eventId, code }) => {
    const scan = { eventId, code, deviceId: "scanner-1", nonce: "1" };
    assert.equal(await reasonOf(thief.tickets.admitTicket(scan)), "PermissionDenied");
  },
  "TicketService.SubmitScans": async ({ thief, eventId, code }) => {
    const scans = [{ code, nonce: "1", scanTime: timestampNow() }];
    assert.equal(
      await reasonOf(thief.tickets.submitScans({ eventId, deviceId: "scanner-1", scans })),
      "PermissionDenied",
    );
  },
  // Not even of their own bookings, whose tickets ListTickets lists as long as they are theirs.
  "TicketService.ListReservationTickets": async ({ thief, victim, paid: { eventId, reservationId } }) => {
    for (const who of [thief, victim]) {
      const asking = who.tickets.listReservationTickets({ eventId, reservationId });
      assert.equal(await reasonOf(asking), "PermissionDenied");
    }
  },
  "TicketService.RevokeTicket": async ({ thief, ticket: { eventId, ticketId } }) => {
    assert.equal(await reasonOf(thief.tickets.revokeTicket({ eventId, ticketId })), "PermissionDenied");
  },
  // Not even their own: within the event's rules that is a cancellation.
  "OperationsService.RefundReservation": async ({ thief, victim, paid: { eventId, reservationId }, ticket }) => {
    const wish = { eventId, reservationId, reason: "mine", seats: RefundedSeats.BACK_ON_SALE };
    for (const part of [{ case: undefined }, { case: "tickets" as const, value: { ticketIds: [ticket.ticketId] } }]) {
      for (const who of [thief, victim]) {
        const request = { ...wish, refundId: uuidv7(), part };
        assert.equal(await reasonOf(who.operations.refundReservation(request)), "PermissionDenied");
      }
    }
  },
  "TicketService.GetRevocations": async ({ thief, eventId }) => {
    assert.equal(await reasonOf(thief.tickets.getRevocations({ eventId })), "PermissionDenied");
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
          const belongings = () => Promise.all([scene.victim, scene.friend].map(belongingsOf));
          const before = await belongings();
          await attack(scene);
          assert.deepEqual(await belongings(), before);
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
  const someone = () => guest(system.gatewayUrl);
  const [victim, friend, thief] = [await someone(), await someone(), await someone()];
  const [held, paid] = [bestOf(eventId, 2), bestOf(eventId, 3)];
  await victim.reservations.createReservation(held);
  await victim.reservations.createReservation(paid);
  const payment = { paymentMethodToken: "tok_approve", idempotencyKey: "first" };
  await untilKnown(() => victim.reservations.checkout({ eventId, reservationId: paid.reservationId, ...payment }));
  const { nextPageToken: pageToken } = await victim.reservations.listReservations({ pageSize: 1 });
  assert.notEqual(pageToken, "");
  const { tickets } = await victim.tickets.listTickets({ eventId });
  const [ticket, given] = [tickets[0]!, tickets[1]!];
  const { code } = await victim.tickets.getTicketQr({ eventId, ticketId: ticket.ticketId });
  const { ticketId, epoch } = given;
  await victim.tickets.transferTicket({ eventId, ticketId, epoch, receiverId: friend.customerId });
  const { nextPageToken: ticketsPageToken } = await victim.tickets.listTickets({ pageSize: 1 });
  assert.notEqual(ticketsPageToken, "");
  return { victim, friend, thief, eventId, held, paid, payment, ticket, code, given, pageToken, ticketsPageToken };
}

async function belongingsOf({ reservations, tickets, events }: EdgeUser): Promise<unknown> {
  const mine = (await reservations.listReservations({})).reservations;
  const eventIds = new Set(mine.map(({ eventId }) => eventId));
  const availability = await Promise.all([...eventIds].map((eventId) => events.getAvailability({ eventId })));
  return { mine, tickets: (await tickets.listTickets({})).tickets, availability };
}

function inCapitals({ eventId, reservationId }: { eventId: string; reservationId: string }) {
  return { eventId: eventId.toUpperCase(), reservationId: reservationId.toUpperCase() };
}
