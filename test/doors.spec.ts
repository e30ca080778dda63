// Tickets and doors through the public API: real processes, real Postgres and Redis, the sandbox provider. A gate that works
// offline is played by the spec, with nothing but the published keys and revocations.

import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { v7 as uuidv7 } from "uuid";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { AdmissionRefusal, QrFormat, ScanVerdict, TicketState } from "#gen/boxoffice/edge/v1/ticket";
import {
  bestOf,
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

describe("doors, end to end", function () {
  this.timeout(120_000);
  let system: System;
  let boss: EdgeUser;
  let gate: EdgeUser;
  let buyer: EdgeUser;
  let eventId: string;

  before(async () => {
    system = await startSystem({ replicas: { reservation: 2 } });
    boss = await organiser(system.gatewayUrl, system.issuerUrl);
    gate = await gateStaff(system.gatewayUrl, system.issuerUrl);
    eventId = await publishEvent(boss);
  });
  beforeEach(async () => (buyer = await guest(system.gatewayUrl)));
  afterEach(async () => {
    const { reports } = await boss.operations.checkInvariants({});
    assert.deepEqual(
      reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => ({ name, examples })),
      [],
    );
  });
  after(() => system.stop());

  /** Buys two seats; returns the booking and its tickets. */
  async function buy(who: EdgeUser) {
    const wish = bestOf(eventId, 2);
    await untilKnown(() => who.reservations.createReservation(wish));
    const booking = { eventId, reservationId: wish.reservationId };
    const payment = { ...booking, paymentMethodToken: "tok_approve", idempotencyKey: uuidv7() };
    await untilKnown(() => who.reservations.checkout(payment));
    const { tickets } = await who.tickets.listTickets(booking);
    assert.equal(tickets.length, 2);
    return { booking, tickets };
  }

  const codeOf = async (who: EdgeUser, ticketId: string) =>
    (await who.tickets.getTicketQr({ eventId, ticketId, format: QrFormat.SVG })).code;
  const scan = (code: string, nonce: string = uuidv7(), deviceId = "scanner-1") => {
    return { eventId, code, nonce, deviceId, gate: "north" };
  };

  it("lets a buyer in once, and says so again to the same scan", async () => {
    const { tickets } = await buy(buyer);
    const { code, image } = await buyer.tickets.getTicketQr({ eventId, ticketId: tickets[0]!.ticketId });
    assert.match(String(image.value), /^<svg/);
    assert.equal((await gate.tickets.verifyTicket({ eventId, code })).outcome.case, "ticket");
    const first = scan(code);
    const admitted = await gate.tickets.admitTicket(first);
    assert.equal(admitted.outcome.case, "admitted");
    assert.deepEqual(await gate.tickets.admitTicket(first), admitted);
    const { outcome } = await gate.tickets.admitTicket(scan(code, uuidv7(), "scanner-2"));
    assert.ok(outcome.case === "rejection");
    assert.equal(outcome.value.reason, AdmissionRefusal.ALREADY_ADMITTED);
    assert.equal(outcome.value.first?.gate, "north");
    const mine = await buyer.tickets.listTickets({ eventId });
    assert.deepEqual(
      mine.tickets.map(({ state }) => state),
      [TicketState.ADMITTED, TicketState.VALID],
    );
  });

  it("does the same for a scanner with nothing but curl", async () => {
    const { tickets } = await buy(buyer);
    const api = `${system.gatewayUrl}/boxoffice.edge.v1.TicketService`;
    const { ticketId } = tickets[0]!;
    const qr = await curl(`${api}/GetTicketQr`, { eventId, ticketId, format: "QR_FORMAT_PNG" }, buyer.token);
    assert.equal(Buffer.from(qr.body.png, "base64").toString("latin1", 1, 4), "PNG");
    const once = await curl(`${api}/AdmitTicket`, scan(qr.body.code), gate.token);
    assert.equal(once.body.admitted.ticket.ticketId, ticketId);
    const twice = await curl(`${api}/AdmitTicket`, scan(qr.body.code), gate.token);
    assert.deepEqual([twice.status, twice.body.rejection.reason], [200, "ADMISSION_REFUSAL_ALREADY_ADMITTED"]);
    const buying = await curl(`${api}/AdmitTicket`, scan(qr.body.code), buyer.token);
    assert.equal(buying.status, 403);
  });

  it("moves a ticket to a friend, whose code is the only good one, and takes it away with the refund", async () => {
    const { booking, tickets } = await buy(buyer);
    const [given, kept] = tickets;
    const friend = await guest(system.gatewayUrl);
    const old = await codeOf(buyer, given!.ticketId);
    const keptCode = await codeOf(buyer, kept!.ticketId);
    const transfer = { eventId, ticketId: given!.ticketId, epoch: given!.epoch, receiverId: friend.customerId };
    assert.equal(
      await reasonOf(friend.tickets.transferTicket({ ...transfer, receiverId: buyer.customerId })),
      "NOT_FOUND",
    );
    const moved = await buyer.tickets.transferTicket(transfer);
    assert.deepEqual(await buyer.tickets.transferTicket(transfer), moved);
    assert.equal(await reasonOf(codeOf(buyer, given!.ticketId)), "NOT_FOUND");
    const refusalOf = async (code: string) => {
      const { outcome } = await gate.tickets.verifyTicket({ eventId, code });
      return outcome.case === "rejection" ? AdmissionRefusal[outcome.value.reason] : outcome.case;
    };
    assert.equal(await refusalOf(old), "REVOKED");
    const fresh = await codeOf(friend, given!.ticketId);
    assert.equal(await refusalOf(fresh), "ticket");

    await untilKnown(() => buyer.reservations.cancelReservation(booking));
    for (const code of [fresh, keptCode]) assert.equal(await refusalOf(code), "REVOKED");
    await eventually("the refund is done", async () => {
      const { reservation } = await untilKnown(() => buyer.reservations.cancelReservation(booking));
      return reservation?.state === ReservationState.REFUNDED ? true : undefined;
    });
  });

  it("lets a gate work offline, and merges what gates hand in later", async () => {
    const [good, refunded] = [await buy(buyer), await buy(buyer)];
    const code = await codeOf(buyer, good.tickets[0]!.ticketId);
    const voided = await codeOf(buyer, refunded.tickets[0]!.ticketId);
    await untilKnown(() => buyer.reservations.cancelReservation(refunded.booking));

    const { keys } = await gate.tickets.getVerificationKeys({});
    const voids = new Map<string, number>();
    let pageToken = "";
    do {
      const { entries, nextPageToken } = await gate.tickets.getRevocations({ eventId, pageToken, pageSize: 2 });
      const bytes = Buffer.from(entries);
      for (let at = 0; at < bytes.length; at += 18) {
        voids.set(bytes.toString("hex", at, at + 16), bytes.readUInt16BE(at + 16));
      }
      pageToken = nextPageToken;
    } while (pageToken !== "");
    const isGoodOffline = (text: string) => {
      const bytes = Buffer.from(text, "base64url");
      const key = keys.find(({ keyId }) => keyId === bytes.toString("hex", 1, 5));
      const x = Buffer.from(key!.publicKey).toString("base64url");
      const verifier = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
      const isGenuine = verify(null, bytes.subarray(0, -64), verifier, bytes.subarray(-64));
      return isGenuine && bytes.readUInt16BE(37) >= (voids.get(bytes.toString("hex", 21, 37)) ?? 0);
    };
    assert.deepEqual([isGoodOffline(code), isGoodOffline(voided)], [true, false]);

    const handIn = (deviceId: string, scannedAtMs: number) =>
      gate.tickets.submitScans({
        ...{ eventId, deviceId },
        scans: [
          { code, nonce: "1", gate: deviceId, scanTime: timestampFromMs(scannedAtMs) },
          { code, nonce: "a bad one", gate: "\0", scanTime: timestampFromMs(scannedAtMs) },
        ],
      });
    const verdictsOf = ({ results }: Awaited<ReturnType<typeof handIn>>) =>
      results.map(({ verdict }) => ScanVerdict[verdict]);
    const [northMs, southMs] = [Date.now(), Date.now() + 5];
    await eventually("the later scan is past", async () => (Date.now() > southMs + 5 ? true : undefined));
    assert.deepEqual(verdictsOf(await handIn("south", southMs)), ["FIRST", "MALFORMED"]);
    const answer = await handIn("north", northMs);
    assert.deepEqual(verdictsOf(answer), ["FIRST", "MALFORMED"]);
    const { doubles } = answer;
    assert.deepEqual(
      doubles.map(({ ticketId, first, others }) => [ticketId, first?.gate, others.map((each) => each.gate)]),
      [[good.tickets[0]!.ticketId, "north", ["south"]]],
    );
  });

  it("keeps one buyer's tickets from another, and the organiser's word from buyers", async () => {
    const { tickets } = await buy(buyer);
    const thief = await guest(system.gatewayUrl);
    const { ticketId } = tickets[0]!;
    assert.equal(await reasonOf(codeOf(thief, ticketId)), "NOT_FOUND");
    assert.deepEqual((await thief.tickets.listTickets({ eventId })).tickets, []);
    assert.equal(await reasonOf(thief.tickets.revokeTicket({ eventId, ticketId })), "PermissionDenied");
    const { ticket } = await boss.tickets.revokeTicket({ eventId, ticketId, reason: "lost" });
    assert.equal(ticket?.state, TicketState.REVOKED);
    assert.equal(await reasonOf(codeOf(buyer, ticketId)), "WRONG_STATE");
  });
});
