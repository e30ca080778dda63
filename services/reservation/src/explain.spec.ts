import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { v7 as uuidv7 } from "uuid";
import { StoryKind } from "#stubs";
import type { RefundReservationRequestSchema, ReservationStory } from "#gen/boxoffice/reservation/v1/reservation";
import type { Ticket } from "#gen/boxoffice/reservation/v1/ticket";
import { buyTickets } from "../test/doors.ts";
import { failing } from "../test/hooks.ts";
import {
  cancel,
  createWorld,
  customerId,
  eventually,
  newIds,
  pay,
  reserve,
  within,
  type Ids,
  type Replica,
  type World,
} from "../test/world.ts";

const whenPublished = "When the booking's messages, like reservation.held, were published is not kept.";

const kindsOf = ({ story }: ReservationStory) => story!.entries.map(({ kind }) => StoryKind[kind]);
const textOf = ({ story }: ReservationStory, kind: StoryKind) =>
  story!.entries.filter((entry) => entry.kind === kind).map(({ text }) => text);

describe("explaining reservations", () => {
  let world: World;
  let replica: Replica;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica({ SWEEPER_INTERVAL_MS: "60000", RECONCILER_INTERVAL_MS: "60000" });
  });
  afterEach(() => {
    world.inventory.hooks.reset();
    world.payment.hooks.reset();
    world.payment.settings.refunding = false;
  });
  after(() => world.end());

  const explain = async ({ eventId, reservationId }: Ids) =>
    (await replica.client.explainReservations({ eventId, reservationIds: [reservationId] }, within)).stories[0]!;
  const refund = (
    ids: Ids,
    part: MessageInitShape<typeof RefundReservationRequestSchema>["part"] & {},
    { refundId = uuidv7(), keepBlocked = false, reason = "rain" } = {},
  ) =>
    replica.client.refundReservation(
      { ...ids, refundId, keepBlocked, reason, requestedBy: "organiser-1", part },
      within,
    );
  const untilPublished = (ids: Ids) =>
    eventually(
      () => explain(ids),
      ({ story }) => !story!.next.some((words) => words.includes("published")),
    );

  it("tells a booking's way to its tickets, with each attempt to pay", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids, { token: "tok_decline", key: "first" });
    await pay(replica, ids, { key: "second" });
    const told = await untilPublished(ids);
    assert.deepEqual(kindsOf(told), [
      "RESERVATION_CREATED",
      "CHECKOUT_STARTED",
      "CHECKOUT_ENDED",
      "CHECKOUT_STARTED",
      "CHECKOUT_ENDED",
      "RESERVATION_CONFIRMED",
      "TICKETS_ISSUED",
    ]);
    const { summary, entries, next, gaps } = told.story!;
    assert.equal(summary, "CONFIRMED: paid, the seats are the customer's.");
    assert.deepEqual(next, []);
    assert.deepEqual(gaps, [whenPublished]);
    assert.equal(told.paymentIds.length, 2);
    assert.match(
      textOf(told, StoryKind.RESERVATION_CREATED)[0]!,
      /^The reservation was written: .* EUR 25\.00 each\. reservation\.held is published\.$/,
    );
    assert.match(textOf(told, StoryKind.CHECKOUT_ENDED)[0]!, /^Attempt 1 to pay was declined \(\w+\)/);
    assert.match(textOf(told, StoryKind.CHECKOUT_ENDED)[1]!, /^Attempt 2 to pay succeeded/);
    const times = entries.map(({ time }) => timestampMs(time!));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.equal(entries[3]!.ids["payment_id"], told.paymentIds[1]);
  });

  it("gives no token away, while the payment runs or later", async () => {
    const ids = await reserve(replica);
    world.payment.hooks.before = failing("authorize");
    await pay(replica, ids, { token: "tok_secret_of_the_card", timeoutMs: 500 }).catch(() => {});
    assert.doesNotMatch(JSON.stringify(await explain(ids), bigints), /secret/);
  });

  it("says of unfinished work since when it runs, and who takes it up when", async () => {
    const ids = await reserve(replica);
    world.payment.hooks.before = failing("capture");
    await pay(replica, ids, { timeoutMs: 500 }).catch(() => {});
    const told = await eventually(
      () => explain(ids),
      (story) => kindsOf(story).includes("CAPTURE_STARTED"),
    );
    const { summary, next, gaps } = told.story!;
    assert.match(summary, /^PAYING, in step capturing since .* UTC\.$/);
    assert.match(next.join(), /the reconciler takes it up (after|at its next round)/);
    assert.match(gaps.join(), /Which replica works on it is not kept/);
  });

  it("tells how bookings end: cancelled, expired, refunded", async () => {
    const [given, lapsed, refunded] = [await reserve(replica), await reserve(replica), await reserve(replica)];
    await cancel(replica, given);
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp() - interval '1 second'
      where reservation_id = ${lapsed.reservationId}`;
    await pay(replica, refunded);
    await cancel(replica, refunded);
    assert.deepEqual(kindsOf(await explain(given)), ["RESERVATION_CREATED", "RESERVATION_CANCELLED"]);
    const { summary, next } = (await explain(lapsed)).story!;
    assert.match(summary, /^EXPIRED/);
    assert.match(next[0]!, /^The sweeper writes/);
    const told = await eventually(
      () => explain(refunded),
      (story) => kindsOf(story).includes("RESERVATION_REFUNDED"),
    );
    assert.deepEqual(kindsOf(told), [
      "RESERVATION_CREATED",
      "CHECKOUT_STARTED",
      "CHECKOUT_ENDED",
      "RESERVATION_CONFIRMED",
      "TICKETS_ISSUED",
      "REFUND_STARTED",
      "TICKET_REVOKED",
      "TICKET_REVOKED",
      "RESERVATION_REFUNDED",
    ]);
    assert.ok(told.story!.entries.every(({ time }) => time !== undefined));
  });

  it("tells each refund: who asked for it, why, for what, and that it is done", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const [first] = tickets;
    const seatOf = ({ seat }: Ticket) => `${seat!.row}-${seat!.number}`;
    await refund(
      ids,
      { case: "tickets", value: { ticketIds: [first!.ticketId] } },
      { keepBlocked: true, reason: "broken" },
    );
    await refund(ids, { case: "amount", value: { currencyCode: "EUR", amountMinor: 700n } }, { reason: "late" });
    const told = await untilPublished(ids);
    assert.deepEqual(kindsOf(told).slice(5), [
      "REFUND_STARTED",
      "TICKET_REVOKED",
      "RESERVATION_PARTLY_REFUNDED",
      "REFUND_STARTED",
      "RESERVATION_PARTLY_REFUNDED",
    ]);
    assert.equal(
      told.story!.summary,
      "CONFIRMED: paid, the seats that are left are the customer's. 2 refunds: EUR 32.00 of EUR 50.00, and 1 of 2 tickets.",
    );
    assert.deepEqual([told.story!.next, told.story!.gaps], [[], [whenPublished]]);
    await cancel(replica, ids);
    const whole = await explain(ids);
    assert.equal(kindsOf(whole).at(-1), "RESERVATION_REFUNDED");
    assert.deepEqual(textOf(whole, StoryKind.REFUND_STARTED), [
      `A refund of EUR 25.00 began, asked for by an organiser, organiser-1 ("broken"): 1 ticket (${seatOf(first!)}), by name. The places are to be kept from sale.`,
      'A refund of EUR 7.00 began, asked for by an organiser, organiser-1 ("late"): an amount alone; every seat stays sold and every ticket good.',
      `A refund of EUR 18.00 began, asked for by the customer ("cancelled by the customer"): all that was left, 1 ticket (${seatOf(tickets[1]!)}). The places go on sale again. They had cost EUR 25.00, of which earlier refunds paid the rest back.`,
    ]);
    assert.deepEqual(
      textOf(whole, StoryKind.RESERVATION_PARTLY_REFUNDED).map((text) => text.split(";")[0]),
      ["EUR 25.00 are back and the places are back", "EUR 7.00 are back"],
    );
    const { entries } = whole.story!;
    assert.ok(entries.every(({ time }) => time !== undefined));
    const refundIds = entries.flatMap(({ ids }) => ids["refund_id"] ?? []);
    assert.equal(new Set(refundIds).size, 3);
  });

  it("says of a refund that runs what is left to do, and of one whose end was not kept that it was not", async () => {
    const { ids, tickets } = await buyTickets(replica);
    const part = { case: "tickets" as const, value: { ticketIds: [tickets[0]!.ticketId] } };
    world.payment.settings.refunding = true;
    const refundId = uuidv7();
    await refund(ids, part, { refundId });
    const { summary, entries, next } = (await explain(ids)).story!;
    assert.match(summary, new RegExp(`^CONFIRMED: .*; refund ${refundId} runs since .* UTC\\.$`));
    assert.ok(!entries.some(({ kind }) => kind === StoryKind.RESERVATION_PARTLY_REFUNDED));
    assert.match(next[0]!, /reconciler takes it up .*\(step partRefunding, not finished at \d+ looks?\)/);
    assert.equal(
      next[1],
      `Of refund ${refundId}: payment gives EUR 25.00 back, then inventory takes the places back, ` +
        "then the rest of the booking stands as before; until then no other can begin.",
    );
    world.payment.settings.refunding = false;
    await world.database.sql`
      update reservation.reservation set phase = 5, next_attempt_at = null where reservation_id = ${ids.reservationId}`;
    assert.match((await explain(ids)).story!.gaps.join(), /The time of RESERVATION_PARTLY_REFUNDED is not kept/);
  });

  it("tells of transfers, admissions and double admissions", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids);
    const { eventId, reservationId } = ids;
    const { tickets } = await replica.tickets.listTickets({ customerId, reservationId }, within);
    const [first, second] = tickets;
    const key = { eventId, ticketId: first!.ticketId, customerId };
    const friend = { ...key, customerId: "friend-1" };
    await replica.tickets.transferTicket({ key, epoch: 1, receiverId: "friend-1" }, within);
    await replica.tickets.transferTicket({ key: friend, epoch: 2, receiverId: "friend-2" }, within);
    await world.database.sql`
      insert into reservation.admission (event_id, device_id, nonce, ticket_id, gate, admitted_at, offline)
      values (${eventId}, 'scanner-1', '1', ${second!.ticketId}, 'north', clock_timestamp(), false),
        (${eventId}, 'scanner-2', '1', ${second!.ticketId}, 'south', clock_timestamp() + interval '1 second', true)`;
    const told = await explain(ids);
    const [given, givenOn] = textOf(told, StoryKind.TICKET_TRANSFERRED);
    assert.match(given!, /given by customer-1 to customer friend-1 \(transfer 1\)/);
    assert.match(givenOn!, /given by friend-1 to customer friend-2 \(transfer 2\)/);
    const [admitted, again] = textOf(told, StoryKind.TICKET_ADMITTED);
    assert.match(admitted!, /^Somebody was let in .* at gate north by scanner-1\.$/);
    assert.match(again!, /a double admission, at gate south by scanner-2, which was offline/);
    await replica.tickets.revokeTicket({ eventId, ticketId: first!.ticketId, reason: "lost" }, within);
    const revoked = await explain(ids);
    assert.deepEqual(
      textOf(revoked, StoryKind.TICKET_REVOKED).map((text) => text.split(": ")[1]),
      ["lost."],
    );
    assert.equal(textOf(revoked, StoryKind.TICKET_TRANSFERRED).length, 2);
    assert.doesNotMatch(revoked.story!.gaps.join(), /TICKET_TRANSFERRED|Transfers/);
    await world.database.sql`
      delete from reservation.transfer where ticket_id = ${first!.ticketId} and epoch = 1`;
    await world.database.sql`
      update reservation.transfer set transferred_at = null where ticket_id = ${first!.ticketId}`;
    const earlier = (await explain(ids)).story!.gaps.join();
    assert.match(earlier, /The time of TICKET_TRANSFERRED is not kept/);
    assert.match(earlier, /Transfers are left out/);
  });

  it("says which events still wait to be published", async () => {
    const ids = await reserve(replica);
    await untilPublished(ids);
    const { sql } = world.database;
    const messages = sql.json([{ type: "reservation.held", reservation_id: ids.reservationId }]);
    await sql`
      insert into reservation.outbox (event_id, messages, claimed_until)
      values (${ids.eventId}, ${messages}, clock_timestamp() + interval '1 hour')`;
    const { entries, next } = (await explain(ids)).story!;
    assert.match(entries[0]!.text, /reservation\.held still waits to be published/);
    assert.match(next.join(), /reservation\.held is published as soon as Redis takes it/);
    await sql`
      insert into reservation.outbox (event_id, messages, claimed_until)
      select ${ids.eventId}, '[]'::json, clock_timestamp() + interval '1 hour' from generate_series(1, 1000)`;
    assert.match((await explain(ids)).story!.gaps.join(), /The outbox is too long to be looked through/);
    await sql`delete from reservation.outbox where event_id = ${ids.eventId}`;
  });

  it("tells of a booking that was paid late by its second hold's id too", async () => {
    const ids = await reserve(replica);
    world.payment.hooks.after = (method) => {
      if (method === "authorize") world.inventory.lapse(ids.reservationId);
    };
    await pay(replica, ids);
    const { holdId, story } = await explain(ids);
    assert.notEqual(holdId, ids.reservationId);
    assert.match(story!.gaps.join(), new RegExp(`held again for it, as hold ${holdId}`));
    const byHold = await explain({ ...ids, reservationId: holdId });
    assert.deepEqual([byHold.story!.id, kindsOf(byHold)], [ids.reservationId, kindsOf(await explain(ids))]);
  });

  it("answers for those of an event that it knows, and for nobody else's", async () => {
    const eventId = uuidv7();
    const [one, two] = [await reserve(replica, newIds(eventId)), await reserve(replica, newIds(eventId))];
    const elsewhere = await reserve(replica);
    const reservationIds = [one, two, elsewhere, newIds()].map(({ reservationId }) => reservationId.toUpperCase());
    const { stories } = await replica.client.explainReservations({ eventId, reservationIds }, within);
    assert.deepEqual(new Set(stories.map(({ story }) => story!.id)), new Set([one.reservationId, two.reservationId]));
  });
});

function bigints(_: string, value: unknown) {
  return typeof value === "bigint" ? String(value) : value;
}
