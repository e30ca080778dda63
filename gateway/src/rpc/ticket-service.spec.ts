import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import * as edge from "#gen/boxoffice/edge/v1/ticket";
import * as internal from "#gen/boxoffice/reservation/v1/ticket";
import { Role } from "#gen/boxoffice/edge/v1/session";
import { createRefusal } from "#shared/refusal";
import { clientOf, organiserToken, post, startTestGateway, tokenFor, type TestGateway } from "../../test/harness.ts";
import { eventId, reservationId } from "../../test/messages.ts";

const ticketId = "01890a5d-ac96-474b-8cce-b302099a8059";
const ticket = {
  ...{ eventId, ticketId, reservationId, place: 1, areaId: "stalls", customerId: "guest:1", epoch: 1 },
  seat: { row: "A", number: 7 },
  state: internal.TicketState.VALID,
  issueTime: timestampFromMs(1_790_000_000_000),
};
const friend = "guest:0d6e8b6e-5d0b-4f1c-9a53-0b1f3f5f7a11";
const admission = {
  ...{ gate: "north", deviceId: "scanner-1", nonce: "n1" },
  admitTime: timestampFromMs(1_790_000_100_000),
};
const scan = { eventId, code: "AQ", deviceId: "scanner-1", nonce: "n1", gate: "north" };

describe("TicketService at the edge", () => {
  let gateway: TestGateway;
  const buyer = () => clientOf(edge.TicketService, gateway.url, { token: tokenFor("guest:1") });
  const gate = () => clientOf(edge.TicketService, gateway.url, { token: tokenFor("g", { roles: [Role.GATE] }) });
  const organiser = () => clientOf(edge.TicketService, gateway.url, { token: organiserToken() });
  const refusal = { case: "refusal" as const, value: createRefusal(RefusalReason.NOT_FOUND, "no such ticket") };
  const rejection = {
    case: "rejection" as const,
    value: { reason: internal.AdmissionRefusal.ALREADY_ADMITTED, first: admission },
  };
  const notFound = (error: unknown) => ConnectError.from(error).code === Code.NotFound;

  before(async () => (gateway = await startTestGateway()));
  after(() => gateway.stop());

  it("lists the tickets of whoever asks, and does not say whose they are", async () => {
    gateway.fakes.tickets.listTickets = async ({ customerId, pageSize }) => {
      assert.deepEqual([customerId, pageSize], ["guest:1", 3]);
      return { tickets: [ticket], nextPageToken: "next" };
    };
    const { tickets, nextPageToken } = await buyer().listTickets({ pageSize: 3 });
    assert.deepEqual([tickets[0]?.ticketId, tickets[0]?.seat?.number, nextPageToken], [ticketId, 7, "next"]);
    const { body } = await post(
      gateway.url,
      "TicketService/ListTickets",
      { pageSize: 3 },
      { token: tokenFor("guest:1") },
    );
    assert.ok(!JSON.stringify(body).includes("guest:1"));
  });

  it("gives a ticket's picture to its owner, as text or as bytes", async () => {
    gateway.fakes.tickets.getTicketQr = async ({ key, format }) => {
      if (key?.customerId !== "guest:1") return { outcome: refusal };
      const image =
        format === internal.QrFormat.PNG
          ? { case: "png" as const, value: Uint8Array.of(137, 80) }
          : { case: "svg" as const, value: "<svg/>" };
      return { outcome: { case: "qr", value: { ticket, code: "AQ", image } } };
    };
    const svg = await buyer().getTicketQr({ eventId, ticketId });
    assert.deepEqual([svg.code, svg.image], ["AQ", { case: "svg", value: "<svg/>" }]);
    const png = await buyer().getTicketQr({ eventId, ticketId, format: edge.QrFormat.PNG });
    assert.deepEqual(png.image.value, Uint8Array.of(137, 80));
    await assert.rejects(gate().getTicketQr({ eventId, ticketId }), notFound);
  });

  it("transfers in the name of whoever asks", async () => {
    gateway.fakes.tickets.transferTicket = async ({ key, epoch, receiverId }) => {
      assert.deepEqual([key?.customerId, key?.ticketId, epoch, receiverId], ["guest:1", ticketId, 1, friend]);
      return { outcome: { outcome: { case: "ticket", value: { ...ticket, epoch: 2 } } } };
    };
    const transferred = await buyer().transferTicket({ eventId, ticketId, epoch: 1, receiverId: friend });
    assert.equal(transferred.ticket?.epoch, 2);
    gateway.fakes.tickets.transferTicket = async () => ({ outcome: { outcome: refusal } });
    await assert.rejects(buyer().transferTicket({ eventId, ticketId, epoch: 1, receiverId: friend }), notFound);
  });

  it("transfers to nobody whose id is no customer's", async () => {
    const called: string[] = [];
    gateway.fakes.tickets.transferTicket = async ({ receiverId }) => {
      called.push(receiverId);
      return { outcome: { outcome: { case: "ticket", value: ticket } } };
    };
    for (const receiverId of ["nobody", "guest:2", "jane@example.org", `${friend} `, "oidc:jane"]) {
      await assert.rejects(
        buyer().transferTicket({ eventId, ticketId, epoch: 1, receiverId }),
        (error: ConnectError) => {
          assert.match(error.rawMessage, /^receiver_id: must be a customer's id as their session shows it/);
          return error.code === Code.InvalidArgument;
        },
      );
    }
    const account = `oidc:${"aZ0-_".repeat(9).slice(0, 43)}`;
    await buyer().transferTicket({ eventId, ticketId, epoch: 1, receiverId: account });
    assert.deepEqual(called, [account]);
  });

  it("tells a gate who may come in, and who may not and why", async () => {
    gateway.fakes.tickets.verifyTicket = async () => ({ outcome: { case: "ticket", value: ticket } });
    gateway.fakes.tickets.admitTicket = async ({ nonce }) => ({
      outcome: nonce === "n1" ? { case: "admitted", value: { ticket, admission } } : rejection,
    });
    const verified = await gate().verifyTicket({ eventId, code: "AQ" });
    assert.equal(verified.outcome.case, "ticket");
    const { outcome } = await gate().admitTicket(scan);
    assert.equal(outcome.case === "admitted" && outcome.value.admission?.gate, "north");
    const again = await gate().admitTicket({ ...scan, nonce: "n2" });
    assert.ok(again.outcome.case === "rejection");
    assert.equal(again.outcome.value.reason, edge.AdmissionRefusal.ALREADY_ADMITTED);
    assert.deepEqual(again.outcome.value.first?.admitTime, admission.admitTime);
    gateway.fakes.tickets.verifyTicket = async () => ({ outcome: rejection });
    assert.equal((await gate().verifyTicket({ eventId, code: "AQ" })).outcome.case, "rejection");
  });

  it("takes in offline scans and names double admissions", async () => {
    gateway.fakes.tickets.submitScans = async ({ scans }) => ({
      results: scans.map(({ nonce }) => ({
        ...{ nonce, ticketId, verdict: internal.ScanVerdict.DOUBLE },
        ...{ first: admission, clockWrong: true },
      })),
      doubles: [{ ticketId, first: admission, others: [{ ...admission, deviceId: "scanner-2" }], othersLeftOut: 3 }],
    });
    const { results, doubles } = await gate().submitScans({
      ...{ eventId, deviceId: "scanner-2" },
      scans: [{ code: "AQ", nonce: "x", gate: "south", scanTime: timestampFromMs(1_790_000_200_000) }],
    });
    assert.deepEqual([results[0]?.nonce, results[0]?.verdict], ["x", edge.ScanVerdict.DOUBLE]);
    assert.equal(results[0]?.clockWrong, true);
    assert.deepEqual([doubles[0]?.first?.deviceId, doubles[0]?.others[0]?.deviceId], ["scanner-1", "scanner-2"]);
    assert.equal(doubles[0]?.othersLeftOut, 3);
  });

  it("passes on a malformed scan, which must not fail its neighbours", async () => {
    gateway.fakes.tickets.submitScans = async ({ scans }) => ({
      results: scans.map(({ nonce }) => ({ nonce, verdict: internal.ScanVerdict.MALFORMED })),
    });
    const scans = [{ code: "A".repeat(500), nonce: "a\0b", gate: "x".repeat(100) }];
    const { results } = await gate().submitScans({ eventId, deviceId: "scanner-2", scans });
    assert.deepEqual(
      results.map(({ nonce, verdict }) => [nonce, verdict]),
      [["a\0b", edge.ScanVerdict.MALFORMED]],
    );
    await assert.rejects(
      gate().submitScans({ eventId, deviceId: "scanner-2", scans: [] }),
      (error: unknown) => ConnectError.from(error).code === Code.InvalidArgument,
    );
  });

  it("hands a gate what it needs to work offline", async () => {
    const key = {
      ...{ keyId: "0a0b0c0d", publicKey: new Uint8Array(32).fill(7) },
      ...{ createTime: ticket.issueTime, retireTime: admission.admitTime },
    };
    gateway.fakes.tickets.getVerificationKeys = async () => ({ keys: [key] });
    gateway.fakes.tickets.getRevocations = async ({ pageToken }) => ({
      entries: new Uint8Array(18),
      nextPageToken: pageToken === "" ? ticketId : "",
    });
    const { keys } = await gate().getVerificationKeys({});
    assert.deepEqual([keys[0]?.keyId, keys[0]?.publicKey], [key.keyId, key.publicKey]);
    assert.deepEqual(keys[0]?.retireTime?.seconds, key.retireTime.seconds);
    const first = await gate().getRevocations({ eventId });
    assert.deepEqual([first.entries.length, first.nextPageToken], [18, ticketId]);
    assert.equal((await gate().getRevocations({ eventId, pageToken: ticketId })).nextPageToken, "");
  });

  it("lists the tickets of a booking for organisers, and does not say whose they are", async () => {
    gateway.fakes.tickets.listReservationTickets = async (request) => {
      assert.deepEqual([request.reservationId, request.pageSize, request.pageToken], [reservationId, 7, "token"]);
      return { tickets: [ticket], nextPageToken: "next" };
    };
    const body = { eventId, reservationId, pageSize: 7, pageToken: "token" };
    const { tickets, nextPageToken } = await organiser().listReservationTickets(body);
    assert.deepEqual([tickets[0]?.ticketId, nextPageToken], [ticketId, "next"]);
    const answer = await post(gateway.url, "TicketService/ListReservationTickets", body, { token: organiserToken() });
    assert.ok(!JSON.stringify(answer.body).includes("guest:1"));
  });

  it("revokes for organisers", async () => {
    gateway.fakes.tickets.revokeTicket = async ({ reason }) =>
      reason === "fraud"
        ? { outcome: { outcome: { case: "ticket", value: { ...ticket, state: internal.TicketState.REVOKED } } } }
        : { outcome: { outcome: refusal } };
    const revoked = await organiser().revokeTicket({ eventId, ticketId, reason: "fraud" });
    assert.equal(revoked.ticket?.state, edge.TicketState.REVOKED);
    await assert.rejects(organiser().revokeTicket({ eventId, ticketId }), notFound);
  });

  it("lets only gate staff do what gates do, and only organisers revoke", async () => {
    const asking = {
      VerifyTicket: { eventId, code: "AQ" },
      AdmitTicket: scan,
      SubmitScans: { eventId },
      GetVerificationKeys: {},
      GetRevocations: { eventId },
    };
    for (const [method, body] of Object.entries(asking)) {
      for (const token of [tokenFor("guest:1"), organiserToken()]) {
        const { status } = await post(gateway.url, `TicketService/${method}`, body, { token });
        assert.equal(status, 403, method);
      }
    }
    const token = tokenFor("g", { roles: [Role.GATE] });
    const { status } = await post(gateway.url, "TicketService/RevokeTicket", { eventId, ticketId }, { token });
    assert.equal(status, 403);
  });

  it("numbers states, formats, refusals and verdicts as reservation does", () => {
    assert.deepEqual(edge.TicketState, internal.TicketState);
    assert.deepEqual(edge.QrFormat, internal.QrFormat);
    assert.deepEqual(edge.AdmissionRefusal, internal.AdmissionRefusal);
    assert.deepEqual(edge.ScanVerdict, internal.ScanVerdict);
  });
});
