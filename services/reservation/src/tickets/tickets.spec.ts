import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { RefusalReason } from "#stubs";
import { createSql, type Sql } from "#shared/sql";
import { QrFormat, TicketState, type Ticket } from "#gen/boxoffice/reservation/v1/ticket";
import { admit, buyTickets, codeOf, submit, ticketsOf } from "../../test/doors.ts";
import { cancel, createWorld, customerId, newIds, pay, within, type Replica, type World } from "../../test/world.ts";
import { Phase } from "../domain/booking.ts";
import { encodeSeats } from "../domain/seats.ts";
import { applyMoves } from "../store/apply-moves.ts";
import { readBooking } from "../store/read-bookings.ts";
import { isSignedBy, parseCode } from "./domain/payload.ts";
import { parseRevocations } from "./domain/revocation-list.ts";
import { verifyingKeyFrom } from "./domain/signing-key.ts";
import { parseTicketPageToken, tokenFromTicketCursor } from "./rpc/ticket-page-token.ts";

describe("tickets", () => {
  let world: World;
  let replica: Replica;
  let sql: Sql;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica();
    sql = createSql({ url: world.database.urlOf("reservation"), poolMax: 2, applicationName: "test" });
  });
  beforeEach(() => (world.payment.settings.refunding = false));
  after(async () => {
    await sql.end();
    await world.end();
  });

  const seatOf = ({ seat }: Ticket) => `${seat?.row ?? "-"}${seat?.number ?? ""}`;
  const factsOf = ({ place, state, epoch }: Ticket) => [place, TicketState[state], epoch];
  const isInvalid = (error: unknown) => error instanceof ConnectError && error.code === Code.InvalidArgument;

  describe("are issued", () => {
    it("with the confirmation, one for each seat, in the booking's order", async () => {
      const { tickets } = await buyTickets(replica);
      assert.deepEqual(tickets.map(seatOf), ["A1", "A2"]);
      assert.deepEqual(tickets.map(factsOf), [
        [1, "VALID", 1],
        [2, "VALID", 1],
      ]);
      assert.notEqual(tickets[0]!.ticketId, tickets[1]!.ticketId);
    });

    it("one for each place without seats", async () => {
      const ids = newIds();
      const selection = { case: "generalAdmission" as const, value: { quantity: 3 } };
      await replica.client.createReservations(
        { commands: [{ ...ids, customerId, areaId: "floor", selection }] },
        within,
      );
      assert.deepEqual(await ticketsOf(replica, ids), []);
      await pay(replica, ids);
      assert.deepEqual((await ticketsOf(replica, ids)).map(seatOf), ["-", "-", "-"]);
    });

    it("once, though the confirmation is written again", async () => {
      const { ids, tickets } = await buyTickets(replica);
      await world.database.sql`
        update reservation.reservation
        set phase = ${Phase.capturing}, confirmed_at = null, next_attempt_at = clock_timestamp() + interval '1 hour'
        where reservation_id = ${ids.reservationId}`;
      const from = (await readBooking(sql, { ...ids, customerId }))!;
      const [moved] = await applyMoves(sql, [{ from, to: Phase.confirmed, leaseMs: null }]);
      assert.equal(moved?.phase, Phase.confirmed);
      assert.deepEqual(await ticketsOf(replica, ids), tickets);
    });

    it("never twice for a seat, which the database itself refuses", async () => {
      const { ids } = await buyTickets(replica);
      const again = world.database.sql`
        insert into reservation.ticket (event_id, reservation_id, place, area_id, seat_row, seat_number, customer_id)
        values (${ids.eventId}, ${ids.reservationId}, 3, 'stalls', 'A', 1, 'thief')`;
      await assert.rejects(again, /ticket_one_live_per_seat/);
    });

    it("by the migration to bookings that were confirmed before there were tickets", async () => {
      const { ids, tickets } = await buyTickets(replica);
      const migration = await readFile(new URL("../../migrations/0002_create_tickets.sql", import.meta.url), "utf8");
      const statement = /insert into reservation\.ticket[^;]*;/.exec(migration)![0];
      await world.database.sql`delete from reservation.ticket`;
      await world.database.sql.unsafe(statement);
      assert.deepEqual((await ticketsOf(replica, ids)).map(seatOf), tickets.map(seatOf));
    });

    it("for the places that a booking's seats name", async () => {
      const row = fc.stringMatching(/^[A-Za-z0-9 ._-]{1,16}$/);
      const seats = fc.array(fc.record({ row, number: fc.integer({ min: 1, max: 1000 }) }), { maxLength: 10 });
      await fc.assert(
        fc.asyncProperty(seats, async (each) => {
          const places = await sql<{ place: number; row: string; number: number }[]>`
            select place, seat_row as row, seat_number as number
            from reservation.places_of(${encodeSeats(each)}, ${each.length}) order by place`;
          assert.deepEqual(
            places.map(({ row, number }) => ({ row, number })),
            each.map(({ row, number }) => ({ row, number })),
          );
          assert.deepEqual(
            places.map(({ place }) => place),
            each.map((_, index) => index + 1),
          );
        }),
        { numRuns: 50 },
      );
    });
  });

  describe("are revoked", () => {
    it("by the step that begins a refund, before the money is back", async () => {
      const { ids } = await buyTickets(replica);
      world.payment.settings.refunding = true;
      assert.equal(await cancel(replica, ids), "REFUNDING");
      assert.deepEqual((await ticketsOf(replica, ids)).map(factsOf), [
        [1, "REVOKED", 2],
        [2, "REVOKED", 2],
      ]);
      const [ticket] = await ticketsOf(replica, ids);
      await assert.rejects(codeOf(replica, ticket!), /the ticket is revoked/);
    });

    it("by the organiser, once, leaving the booking's other tickets alone", async () => {
      const { ids, tickets } = await buyTickets(replica);
      const key = { eventId: ids.eventId.toUpperCase(), ticketId: tickets[0]!.ticketId, reason: "" };
      for (let time = 0; time < 2; time += 1) {
        const { outcome } = await replica.tickets.revokeTicket(key, within);
        assert.equal(outcome?.outcome.case, "ticket");
      }
      assert.deepEqual((await ticketsOf(replica, ids)).map(factsOf), [
        [1, "REVOKED", 2],
        [2, "VALID", 1],
      ]);
      const missing = await replica.tickets.revokeTicket({ ...key, ticketId: ids.reservationId }, within);
      assert.ok(missing.outcome?.outcome.case === "refusal");
      assert.equal(missing.outcome.outcome.value.reason, RefusalReason.NOT_FOUND);
    });

    it("in a list that gates page through, by ticket and epoch", async () => {
      const { eventId } = newIds();
      const revoked: string[] = [];
      for (let booking = 0; booking < 3; booking += 1) {
        const { ids, tickets } = await buyTickets(replica, newIds(eventId));
        if (booking < 2) await cancel(replica, ids);
        if (booking < 2) revoked.push(...tickets.map(({ ticketId }) => ticketId));
      }
      const seen: string[] = [];
      let pageToken = "";
      do {
        const page = await replica.tickets.getRevocations({ eventId, pageSize: 3, pageToken }, within);
        const entries = parseRevocations(page.entries);
        assert.ok(entries.every(({ epoch }) => epoch === 2));
        seen.push(...entries.map(({ ticketId }) => ticketId));
        ({ nextPageToken: pageToken } = page);
      } while (pageToken !== "");
      assert.deepEqual(seen, revoked.sort());
    });
  });

  describe("are listed", () => {
    it("to their owner only, page by page, a booking's tickets together", async () => {
      const { eventId } = newIds();
      const made: string[] = [];
      for (let booking = 0; booking < 3; booking += 1) {
        const { tickets } = await buyTickets(replica, newIds(eventId));
        made.unshift(...tickets.map(({ ticketId }) => ticketId));
      }
      const seen: string[] = [];
      let pageToken = "";
      do {
        const page = await replica.tickets.listTickets({ customerId, eventId, pageSize: 4, pageToken }, within);
        seen.push(...page.tickets.map(({ ticketId }) => ticketId));
        ({ nextPageToken: pageToken } = page);
      } while (pageToken !== "");
      assert.equal(seen.length, 6);
      assert.deepEqual(new Set(seen), new Set(made));
      assert.deepEqual((await replica.tickets.listTickets({ customerId: "nobody", eventId }, within)).tickets, []);
    });

    it("to organisers by their booking, whoever has them, page by page, revoked ones too", async () => {
      const { ids, tickets } = await buyTickets(replica);
      const [given, revoked] = tickets as [Ticket, Ticket];
      const key = { eventId: ids.eventId, ticketId: given.ticketId, customerId };
      await replica.tickets.transferTicket({ key, epoch: 1, receiverId: "friend" }, within);
      await replica.tickets.revokeTicket({ eventId: ids.eventId, ticketId: revoked.ticketId }, within);
      const booking = { eventId: ids.eventId.toUpperCase(), reservationId: ids.reservationId.toUpperCase() };
      const first = await replica.tickets.listReservationTickets({ ...booking, pageSize: 1 }, within);
      const rest = await replica.tickets.listReservationTickets(
        { ...booking, pageSize: 1, pageToken: first.nextPageToken },
        within,
      );
      assert.deepEqual(
        [...first.tickets, ...rest.tickets].map(({ ticketId, state }) => [ticketId, TicketState[state]]),
        [
          [given.ticketId, "VALID"],
          [revoked.ticketId, "REVOKED"],
        ],
      );
      assert.equal(rest.nextPageToken, "");
      const elsewhere = await replica.tickets.listReservationTickets(newIds(), within);
      assert.deepEqual(elsewhere.tickets, []);
      const wrong = replica.tickets.listReservationTickets({ ...booking, pageToken: "AA" }, within);
      await assert.rejects(wrong, isInvalid);
    });

    it("from page tokens that it made, and no others", async () => {
      const { eventId, reservationId } = newIds();
      const cursor = { eventId, reservationId, place: 7 };
      assert.deepEqual(parseTicketPageToken(tokenFromTicketCursor(cursor)), cursor);
      const others = [
        {},
        [],
        [eventId, reservationId],
        [eventId, reservationId, 0],
        [eventId, reservationId, 1.5],
        [eventId, reservationId, 1e9],
        [eventId, reservationId, "1"],
        [eventId, "x", 1],
        [eventId, reservationId, 1, 1],
      ];
      for (const text of ["", "?", ...others.map((other) => JSON.stringify(other))]) {
        assert.equal(parseTicketPageToken(Buffer.from(text).toString("base64url")), undefined, text);
      }
      await assert.rejects(replica.tickets.listTickets({ customerId, pageToken: "AA" }, within), isInvalid);
    });
  });

  describe("as QR codes", () => {
    it("say the same in SVG and PNG, and can be checked with nothing but the published keys", async () => {
      const { tickets } = await buyTickets(replica);
      const { eventId, ticketId } = tickets[1]!;
      const key = { eventId, ticketId, customerId };
      const svg = await replica.tickets.getTicketQr({ key }, within);
      const png = await replica.tickets.getTicketQr({ key, format: QrFormat.PNG }, within);
      assert.ok(svg.outcome.case === "qr" && png.outcome.case === "qr");
      assert.match(String(svg.outcome.value.image.value), /^<svg [\s\S]*<\/svg>\s*$/);
      const pngSignature = Buffer.from("89504e470d0a1a0a", "hex");
      assert.deepEqual(Buffer.from(png.outcome.value.image.value as Uint8Array).subarray(0, 8), pngSignature);
      assert.equal(png.outcome.value.code, svg.outcome.value.code);

      const signed = parseCode(svg.outcome.value.code)!;
      assert.deepEqual(
        [signed.payload.eventId, signed.payload.ticketId, signed.payload.epoch, signed.payload.areaId],
        [eventId, ticketId, 1, "stalls"],
      );
      assert.deepEqual(signed.payload.seat, { row: "A", number: 2 });
      const { keys } = await replica.tickets.getVerificationKeys({}, within);
      const published = keys.find(({ keyId }) => keyId === signed.payload.keyId)!;
      assert.ok(isSignedBy(signed, verifyingKeyFrom(Buffer.from(published.publicKey).toString("hex"))));
    });

    it("are for their owner only", async () => {
      const { tickets } = await buyTickets(replica);
      await assert.rejects(codeOf(replica, tickets[0]!, "customer-2"), /there is no such ticket/);
    });
  });

  describe("are transferred", () => {
    const giveFrom = async (
      giverId: string,
      { eventId, ticketId }: Ticket,
      wish: { epoch: number; receiverId: string },
    ) => {
      const key = { eventId, ticketId, customerId: giverId };
      return (await replica.tickets.transferTicket({ key, ...wish }, within)).outcome?.outcome;
    };
    const give = async (ticket: Ticket, epoch = ticket.epoch, receiverId = "friend") => {
      const outcome = await giveFrom(customerId, ticket, { epoch, receiverId });
      if (outcome?.case === "refusal") return RefusalReason[outcome.value.reason];
      return outcome?.case === "ticket" ? outcome.value.epoch : "nothing";
    };

    it("to another customer, after which only the new owner's code is good", async () => {
      const { ids, tickets } = await buyTickets(replica);
      const ticket = tickets[0]!;
      const old = await codeOf(replica, ticket);
      assert.equal(await give(ticket), 2);
      assert.equal(await give(ticket), 2);
      assert.deepEqual(
        (await ticketsOf(replica, ids)).map(({ place }) => place),
        [2],
      );
      assert.deepEqual(
        (await ticketsOf(replica, ids, "friend")).map(({ place }) => place),
        [1],
      );
      await assert.rejects(codeOf(replica, ticket), /there is no such ticket/);
      const refused = await admit(replica, { eventId: ids.eventId, code: old });
      assert.equal(refused.outcome.case, "rejection");
      const code = await codeOf(replica, ticket, "friend");
      assert.equal((await admit(replica, { eventId: ids.eventId, code })).outcome.case, "admitted");
    });

    it("by one of many at once", async () => {
      const { tickets } = await buyTickets(replica);
      const receivers = Array.from({ length: 10 }, (_, index) => `friend-${index}`);
      const answers = await Promise.all(receivers.map((receiver) => give(tickets[0]!, 1, receiver)));
      assert.equal(answers.filter((answer) => answer === 2).length, 1);
      assert.ok(answers.every((answer) => answer === 2 || answer === "NOT_FOUND"));
    });

    it("with the same answer to the same request, however the ticket has moved on", async () => {
      const { eventId } = newIds();
      const moves: [string, (ticket: Ticket, reservationId: string) => Promise<unknown>][] = [
        ["admitted", async (ticket) => admit(replica, { eventId, code: await codeOf(replica, ticket, "friend") })],
        ["given on", (ticket) => giveFrom("friend", ticket, { epoch: 2, receiverId: "third" })],
        ["given back", (ticket) => giveFrom("friend", ticket, { epoch: 2, receiverId: customerId })],
        ["revoked", ({ ticketId }) => replica.tickets.revokeTicket({ eventId, ticketId }, within)],
        ["refunded", (_, reservationId) => cancel(replica, { eventId, reservationId })],
      ];
      for (const [what, move] of moves) {
        const { ids, tickets } = await buyTickets(replica, newIds(eventId));
        const wish = { epoch: 1, receiverId: "friend" };
        const first = await giveFrom(customerId, tickets[0]!, wish);
        assert.ok(first?.case === "ticket", what);
        await move(tickets[0]!, ids.reservationId);
        assert.deepEqual(await giveFrom(customerId, tickets[0]!, wish), first, what);
        const stranger = await giveFrom("stranger", tickets[0]!, wish);
        assert.equal(stranger?.case, "refusal", what);
      }
    });

    it("by replicas of the build before, with the same answer to the repeat and the same worth of each epoch", async () => {
      const { ids, tickets } = await buyTickets(replica);
      const [ticket] = tickets as [Ticket, Ticket];
      const code = await codeOf(replica, ticket);
      for (const [giver, receiver] of [
        [customerId, "friend"],
        ["friend", "third"],
      ] as const) {
        await sql`
          update reservation.ticket
          set customer_id = ${receiver}, previous_customer_id = ${giver}, epoch = epoch + 1,
            issued_at = issued_at - interval '1 day', epoch_at = clock_timestamp()
          where ticket_id = ${ticket.ticketId} and customer_id = ${giver}`;
      }
      assert.equal(await give(ticket), 2);
      const { verdicts } = await submit(replica, ids, [[code, "early", Date.now() - 3_600_000]]);
      assert.deepEqual(verdicts, ["FIRST"]);
    });

    it("not to oneself, not from another epoch, not once admitted or revoked", async () => {
      const { ids, tickets } = await buyTickets(replica);
      const [first, second] = tickets as [Ticket, Ticket];
      await assert.rejects(give(first, 1, customerId), isInvalid);
      assert.equal(await give(first, 7), "WRONG_STATE");
      await admit(replica, { eventId: ids.eventId, code: await codeOf(replica, first) });
      assert.equal(await give(first), "WRONG_STATE");
      await replica.tickets.revokeTicket({ eventId: ids.eventId, ticketId: second.ticketId }, within);
      assert.equal(await give(second), "WRONG_STATE");
    });

    it("and revoked with the booking that paid for them", async () => {
      const { ids, tickets } = await buyTickets(replica);
      await give(tickets[0]!);
      const code = await codeOf(replica, tickets[0]!, "friend");
      await cancel(replica, ids);
      assert.equal((await admit(replica, { eventId: ids.eventId, code })).outcome.case, "rejection");
    });
  });
});
