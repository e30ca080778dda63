import assert from "node:assert/strict";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { AdmissionRefusal, type Admission, type Ticket } from "#gen/boxoffice/reservation/v1/ticket";
import { admit, buyTickets, codeOf, submit, ticketsOf, wordOf } from "../../test/doors.ts";
import {
  cancel,
  createWorld,
  newIds,
  refundAll,
  ticketSecret,
  within,
  type Replica,
  type World,
} from "../../test/world.ts";
import { signTicket, parseCode } from "./domain/payload.ts";
import { deriveSigningKey } from "./domain/signing-key.ts";

describe("the door", () => {
  let world: World;
  let replica: Replica;
  let other: Replica;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica();
    other = await world.startReplica();
  });
  after(() => world.end());

  /** A booking of two seats with the codes of both. */
  const arrive = async (eventId?: string) => {
    const { ids, tickets } = await buyTickets(replica, newIds(eventId));
    const codes = await Promise.all(tickets.map((ticket) => codeOf(replica, ticket)));
    return { ids, eventId: ids.eventId, tickets: tickets as [Ticket, Ticket], codes: codes as [string, string] };
  };
  const placeOf = (admission: Admission | undefined) => admission && `${admission.deviceId}/${admission.nonce}`;

  describe("online", () => {
    it("lets one of many scans in, and tells the others when and where", async () => {
      const { ids, eventId, codes } = await arrive();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          admit(index % 2 ? replica : other, { eventId, code: codes[0], deviceId: `scanner-${index}`, nonce: "1" }),
        ),
      );
      const admitted = answers.flatMap(({ outcome }) =>
        outcome.case === "admitted" ? [outcome.value.admission!] : [],
      );
      assert.equal(admitted.length, 1);
      for (const { outcome } of answers) {
        if (outcome.case !== "rejection") continue;
        assert.equal(outcome.value.reason, AdmissionRefusal.ALREADY_ADMITTED);
        assert.deepEqual(outcome.value.first, admitted[0]);
      }
      const [ticket] = await ticketsOf(replica, ids);
      assert.deepEqual(ticket?.admitTime, admitted[0]?.admitTime);
    });

    it("gives the same scan the same answer, at once, later, and after a refund", async () => {
      const { ids, eventId, codes } = await arrive();
      const scan = { eventId, code: codes[0], deviceId: "scanner-1", nonce: "same" };
      const answers = await Promise.all([admit(replica, scan), admit(other, scan), admit(replica, scan)]);
      const [first] = answers;
      assert.equal(wordOf(first), "admitted");
      for (const answer of answers) assert.deepEqual(answer, first);
      assert.equal(await refundAll(replica, ids), "REFUNDED");
      const later = await admit(other, scan);
      assert.ok(later.outcome.case === "admitted" && first.outcome.case === "admitted");
      assert.deepEqual(later.outcome.value.admission, first.outcome.value.admission);
    });

    it("refuses for exactly the reasons of its list", async () => {
      const { ids, eventId, codes } = await arrive();
      const stranger = deriveSigningKey("a stranger's secret of 32 letters or more");
      const { payload } = parseCode(codes[0])!;
      const own = deriveSigningKey(ticketSecret);
      const refusals: [string, string, string?][] = [
        ["UNKNOWN_KEY", signTicket({ ...payload, keyId: stranger.keyId }, stranger.privateKey)],
        ["BAD_SIGNATURE", signTicket(payload, stranger.privateKey)],
        ["BAD_SIGNATURE", `${codes[0].slice(0, -2)}AA`],
        ["BAD_SIGNATURE", "https://example.test/some-other-qr-code"],
        ["WRONG_EVENT", codes[0], newIds().eventId],
        ["REVOKED", signTicket({ ...payload, epoch: 2 }, own.privateKey)],
        ["REVOKED", signTicket({ ...payload, ticketId: ids.reservationId }, own.privateKey)],
      ];
      for (const [reason, code, ofEvent = eventId] of refusals) {
        assert.equal(wordOf(await admit(replica, { eventId: ofEvent, code })), reason);
        assert.equal(wordOf(await replica.tickets.verifyTicket({ eventId: ofEvent, code }, within)), reason);
      }
      await cancel(replica, ids);
      assert.equal(wordOf(await admit(replica, { eventId, code: codes[1] })), "REVOKED");
    });

    it("refuses a nonce that the scanner used for another ticket, and lets nobody in", async () => {
      const { eventId, codes } = await arrive();
      await admit(replica, { eventId, code: codes[0], nonce: "used" });
      await assert.rejects(
        admit(other, { eventId, code: codes[1], nonce: "used" }),
        (error) => error instanceof ConnectError && error.code === Code.AlreadyExists,
      );
      assert.equal(wordOf(await replica.tickets.verifyTicket({ eventId, code: codes[1] }, within)), "ticket");
    });

    it("changes nothing when it only looks", async () => {
      const { eventId, codes } = await arrive();
      const look = () => replica.tickets.verifyTicket({ eventId: eventId.toUpperCase(), code: codes[0] }, within);
      assert.equal(wordOf(await look()), "ticket");
      assert.equal(wordOf(await look()), "ticket");
      assert.equal(wordOf(await admit(replica, { eventId, code: codes[0] })), "admitted");
      assert.equal(wordOf(await look()), "ALREADY_ADMITTED");
    });
  });

  describe("after gates were offline", () => {
    const startMs = Date.now() - 3_600_000;

    it("comes to the same truth in whatever order they hand in, and names each double admission", async () => {
      const truths = await Promise.all(
        [0, 1].map(async (order) => {
          const { eventId, codes, tickets } = await arrive();
          const handIns = [
            () => submit(replica, { eventId, deviceId: "north" }, [[codes[0], "n1", startMs + 20]]),
            () =>
              submit(other, { eventId, deviceId: "south" }, [
                [codes[0], "s1", startMs + 10],
                [codes[1], "s2", startMs + 30],
              ]),
          ];
          if (order === 1) handIns.reverse();
          for (const handIn of handIns) await handIn();
          const [north, south] = [
            await submit(replica, { eventId, deviceId: "north" }, [[codes[0], "n1", startMs + 20]]),
            await submit(replica, { eventId, deviceId: "south" }, [[codes[0], "s1", startMs + 10]]),
          ];
          assert.deepEqual([...north.verdicts, ...south.verdicts], ["DOUBLE", "FIRST"]);
          assert.equal(placeOf(north.results[0]?.first), "south/s1");
          assert.deepEqual(north.doubles, south.doubles);
          assert.equal(north.doubles[0]?.ticketId, tickets[0].ticketId);
          return north.doubles.map(({ first, others }) => [placeOf(first), ...others.map(placeOf)]);
        }),
      );
      assert.deepEqual(truths[0], [["south/s1", "north/n1"]]);
      assert.deepEqual(truths[1], truths[0]);
    });

    it("counts an earlier offline scan before an admission made online, and refuses further ones", async () => {
      const { eventId, codes } = await arrive();
      const online = { eventId, code: codes[0], deviceId: "online", nonce: "1" };
      const first = await admit(replica, online);
      assert.equal(wordOf(first), "admitted");
      const { verdicts, doubles } = await submit(replica, { eventId, deviceId: "offline" }, [[codes[0], "1", startMs]]);
      assert.deepEqual(verdicts, ["FIRST"]);
      assert.deepEqual(doubles[0]?.others.map(placeOf), ["online/1"]);
      const repeat = await admit(other, online);
      assert.ok(repeat.outcome.case === "admitted" && first.outcome.case === "admitted");
      assert.deepEqual(repeat.outcome.value.admission, first.outcome.value.admission);
      const third = await admit(other, { eventId, code: codes[0], deviceId: "third" });
      assert.ok(third.outcome.case === "rejection");
      assert.equal(placeOf(third.outcome.value.first), "offline/1");
    });

    it("admits online nobody whom an offline gate has let in", async () => {
      const { eventId, codes } = await arrive();
      assert.deepEqual((await submit(replica, { eventId }, [[codes[0], "off", startMs]])).verdicts, ["FIRST"]);
      assert.equal(wordOf(await admit(replica, { eventId, code: codes[0] })), "ALREADY_ADMITTED");
    });

    it("answers each scan by itself, bad ones too, and the same when they are handed in again", async () => {
      const { ids, eventId, codes, tickets } = await arrive();
      await replica.tickets.revokeTicket({ eventId, ticketId: tickets[1].ticketId, reason: "fraud" }, within);
      const laterMs = Date.now() + 3_600_000;
      const scans: Parameters<typeof submit>[2] = [
        ["nonsense", "a", startMs],
        [codes[1], "b", laterMs],
        [codes[0], "c", startMs],
        [codes[0], "d", laterMs],
      ];
      const handIn = () => submit(replica, { eventId }, scans);
      const once = await handIn();
      assert.deepEqual(once.verdicts, ["REJECTED", "REJECTED", "FIRST", "DOUBLE"]);
      assert.deepEqual(
        once.results.map(({ reason }) => AdmissionRefusal[reason]),
        ["BAD_SIGNATURE", "REVOKED", "UNSPECIFIED", "UNSPECIFIED"],
      );
      const [second] = once.doubles[0]!.others;
      assert.ok(timestampMs(second!.admitTime!) <= Date.now() + 60_000, "a time to come counts as now");
      assert.equal(await refundAll(replica, ids), "REFUNDED");
      assert.deepEqual(await handIn(), once);
    });

    it("counts a scan that was good before the ticket was revoked", async () => {
      const { ids, eventId, codes } = await arrive();
      await cancel(replica, ids);
      const { verdicts } = await submit(replica, { eventId }, [[codes[0], "before", startMs - 86_400_000 * 365]]);
      assert.deepEqual(verdicts, ["FIRST"]);
    });

    it("does not record a nonce that the scanner used for another ticket", async () => {
      const { eventId, codes } = await arrive();
      const { verdicts, doubles } = await submit(replica, { eventId }, [
        [codes[0], "one", startMs],
        [codes[1], "one", startMs],
      ]);
      assert.deepEqual(verdicts.toSorted(), ["FIRST", "NONCE_REUSED"]);
      assert.deepEqual(doubles, []);
    });
  });

  describe("keys", () => {
    it("rotate by the setting: codes of the old one stay good, and both are published", async () => {
      const { eventId, codes, tickets } = await arrive();
      const rotated = await world.startReplica({ TICKET_SECRET: "the next ticket secret, 32 letters or more" });
      const code = await codeOf(rotated, tickets[1]);
      assert.notEqual(code, codes[1]);
      assert.equal(wordOf(await admit(rotated, { eventId, code: codes[0] })), "admitted");
      assert.equal(wordOf(await admit(replica, { eventId, code })), "admitted");
      const { keys } = await replica.tickets.getVerificationKeys({}, within);
      assert.deepEqual(
        keys.map(({ keyId }) => keyId),
        [code, codes[1]].map((each) => parseCode(each)!.payload.keyId),
      );
      await rotated.stop();
    });

    it("that were retired open no door at once, on any replica, and are published no more", async () => {
      const leaked = await world.startReplica({ TICKET_SECRET: "a ticket secret that leaked, 32 or more" });
      const { eventId, tickets } = await arrive();
      const code = await codeOf(leaked, tickets[0]);
      const { keyId } = parseCode(code)!.payload;
      assert.equal(wordOf(await replica.tickets.verifyTicket({ eventId, code }, within)), "ticket");
      await world.database.sql`
        update reservation.ticket_key set retired_at = clock_timestamp() where key_id = ${keyId}`;
      for (const each of [replica, other, leaked])
        assert.equal(wordOf(await admit(each, { eventId, code })), "UNKNOWN_KEY");
      const { keys } = await leaked.tickets.getVerificationKeys({}, within);
      assert.ok(keys.every((key) => key.keyId !== keyId));
      await leaked.stop();
    });
  });
});
