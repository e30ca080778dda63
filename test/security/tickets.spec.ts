// A ticket that is shown again, copied, altered or made up: it opens the door once, for whom it was last given to, at its own
// event. Two replicas decide, since nothing of this may depend on which one is asked.

import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { v7 as uuidv7 } from "uuid";
import { AdmissionRefusal, ScanVerdict, TicketState, type Ticket } from "#gen/boxoffice/edge/v1/ticket";
import { parseCode, signTicket } from "../../services/reservation/src/tickets/domain/payload.ts";
import { deriveSigningKey } from "../../services/reservation/src/tickets/domain/signing-key.ts";
import {
  bestOf,
  curl,
  gateStaff,
  guest,
  organiser,
  publishEvent,
  reasonOf,
  untilKnown,
  type EdgeUser,
} from "../support/edge.ts";
import { startSystem, type System } from "../support/system.ts";

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

describe("a replayed ticket", function () {
  this.timeout(120_000);
  let system: System;
  let boss: EdgeUser;
  let gate: EdgeUser;
  let buyer: EdgeUser;
  let eventId: string;
  let tickets: Ticket[];

  before(async () => {
    system = await startSystem({ replicas: { reservation: 2 } });
    boss = await organiser(system.gatewayUrl, system.issuerUrl);
    gate = await gateStaff(system.gatewayUrl, system.issuerUrl);
    eventId = await publishEvent(boss);
  });
  beforeEach(async () => {
    buyer = await guest(system.gatewayUrl);
    const wish = bestOf(eventId, 2);
    const booking = { eventId, reservationId: wish.reservationId };
    await untilKnown(() => buyer.reservations.createReservation(wish));
    const payment = { ...booking, paymentMethodToken: "tok_approve", idempotencyKey: "first" };
    await untilKnown(() => buyer.reservations.checkout(payment));
    tickets = (await buyer.tickets.listTickets(booking)).tickets;
  });
  after(() => system?.stop());

  const codeOf = async (who: EdgeUser, { ticketId }: Ticket) =>
    (await who.tickets.getTicketQr({ eventId, ticketId })).code;
  const admit = async (code: string, scan: { deviceId?: string; nonce?: string; eventId?: string } = {}) => {
    const { outcome } = await untilKnown(() =>
      gate.tickets.admitTicket({ eventId, code, deviceId: "scanner", nonce: uuidv7(), gate: "north", ...scan }),
    );
    return outcome.case === "rejection" ? AdmissionRefusal[outcome.value.reason]! : outcome.case!;
  };
  const statesOf = async (who: EdgeUser) =>
    (await who.tickets.listTickets({ eventId })).tickets.map(({ state }) => TicketState[state]);

  it("opens the door to one of fifty copies that are shown at once, at as many scanners", async () => {
    const code = await codeOf(buyer, tickets[0]!);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => admit(code, { deviceId: `scanner-${index}` })),
    );
    assert.deepEqual([...answers].sort(), [...Array.from({ length: 49 }, () => "ALREADY_ADMITTED"), "admitted"]);
    assert.equal(await admit(code), "ALREADY_ADMITTED");
    assert.deepEqual(await statesOf(buyer), ["ADMITTED", "VALID"]);
  });

  it("opens no door of another event", async () => {
    const elsewhere = await publishEvent(boss);
    const code = await codeOf(buyer, tickets[0]!);
    assert.equal(await admit(code, { eventId: elsewhere }), "WRONG_EVENT");
    assert.equal(await admit(code), "admitted");
  });

  it("opens no door once it was given away, revoked or refunded", async () => {
    const friend = await guest(system.gatewayUrl);
    const [given, kept] = [tickets[0]!, tickets[1]!];
    const codes = [await codeOf(buyer, given), await codeOf(buyer, kept)];
    const { ticketId, epoch } = given;
    await buyer.tickets.transferTicket({ eventId, ticketId, epoch, receiverId: friend.customerId });
    assert.equal(await admit(codes[0]!), "REVOKED");
    const fresh = await codeOf(friend, given);
    await boss.tickets.revokeTicket({ eventId, ticketId: kept.ticketId });
    assert.equal(await admit(codes[1]!), "REVOKED");
    await untilKnown(() => buyer.reservations.cancelReservation({ eventId, reservationId: given.reservationId }));
    assert.equal(await admit(fresh), "REVOKED");
  });

  it("does not let another in with the key of a scan that let somebody in", async () => {
    const [code, other] = [await codeOf(buyer, tickets[0]!), await codeOf(buyer, tickets[1]!)];
    const scan = { deviceId: "scanner-1", nonce: uuidv7() };
    assert.equal(await admit(code, scan), "admitted");
    assert.equal(await admit(code, scan), "admitted", "the same scan, whose answer was lost");
    assert.equal(await reasonOf(admit(other, scan)), "IDEMPOTENCY_KEY_REUSED");
    assert.deepEqual(await statesOf(buyer), ["ADMITTED", "VALID"]);
  });

  it("counts once when a gate's scans are handed in again and again", async () => {
    const scanTime = timestampFromMs(Date.now() - 60_000);
    const scans = [{ code: await codeOf(buyer, tickets[0]!), nonce: uuidv7(), gate: "north", scanTime }];
    const handIn = () => untilKnown(() => gate.tickets.submitScans({ eventId, deviceId: "offline", scans }));
    const answers = await Promise.all([handIn(), handIn(), handIn()]);
    answers.push(await handIn());
    for (const { results, doubles } of answers) {
      assert.deepEqual([results.map(({ verdict }) => verdict), doubles], [[ScanVerdict.FIRST], []]);
    }
  });

  it("is refused when it was altered, whichever character", async () => {
    const code = await codeOf(buyer, tickets[0]!);
    const altered = Array.from(code, (character, at) => {
      const next = base64url[(base64url.indexOf(character) + 1) % base64url.length];
      return `${code.slice(0, at)}${next}${code.slice(at + 1)}`;
    });
    const otherwise = [`${code}=`, `${code}A`, ` ${code}`, code.slice(0, -1), code.toLowerCase(), ""];
    for (const text of [...altered, ...otherwise]) {
      assert.ok(["BAD_SIGNATURE", "UNKNOWN_KEY"].includes(await admit(text)), text);
    }
    assert.deepEqual(await statesOf(buyer), ["VALID", "VALID"]);
  });

  it("is refused when somebody else signed it, under a key id of their own or of this deployment", async () => {
    const { payload } = parseCode(await codeOf(buyer, tickets[0]!))!;
    const { keyId, privateKey } = deriveSigningKey("the ticket secret of another deployment");
    assert.equal(await admit(signTicket({ ...payload, keyId }, privateKey)), "UNKNOWN_KEY");
    assert.equal(await admit(signTicket(payload, privateKey)), "BAD_SIGNATURE");
  });

  it("is no session, and a session is no ticket", async () => {
    const code = await codeOf(buyer, tickets[0]!);
    const { status } = await curl(`${system.gatewayUrl}/boxoffice.edge.v1.TicketService/ListTickets`, {}, code);
    assert.equal(status, 401);
    assert.equal(await admit(buyer.token), "BAD_SIGNATURE");
  });
});
