import assert from "node:assert/strict";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { AdmissionRefusal, ScanVerdict, type Admission, type Ticket } from "#gen/boxoffice/reservation/v1/ticket";
import { admit, buyTickets, codeOf, submit, ticketsOf, wordOf } from "../../test/doors.ts";
import {
  cancel,
  createWorld,
  customerId,
  eventually,
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

  /** A booking of two seats, made a day ago, with the codes of both. */
  const arrive = async (eventId?: string) => {
    const { ids, tickets } = await buyTickets(replica, newIds(eventId));
    await world.database.sql`
      update reservation.ticket set issued_at = issued_at - interval '1 day', epoch_at = epoch_at - interval '1 day'
      where reservation_id = ${ids.reservationId}`;
    const codes = await Promise.all(tickets.map((ticket) => codeOf(replica, ticket)));
    return { ids, eventId: ids.eventId, tickets: tickets as [Ticket, Ticket], codes: codes as [string, string] };
  };
  const isInvalid = (error: unknown) => error instanceof ConnectError && error.code === Code.InvalidArgument;
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

    it("refuses words that are no line of text before they reach the database", async () => {
      const { eventId, codes, tickets } = await arrive();
      for (const words of ["a\0b", "a\nb"]) {
        await assert.rejects(admit(replica, { eventId, code: codes[0], gate: words }), isInvalid);
        const { ticketId } = tickets[0];
        await assert.rejects(replica.tickets.revokeTicket({ eventId, ticketId, reason: words }, within), isInvalid);
      }
      assert.equal(wordOf(await replica.tickets.verifyTicket({ eventId, code: codes[0] }, within)), "ticket");
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
      assert.equal(await refundAll(replica, ids), "REFUNDED");
      assert.deepEqual(await handIn(), once);
    });

    it("counts a scan that was good before the ticket was revoked", async () => {
      const { ids, eventId, codes } = await arrive();
      await cancel(replica, ids);
      const { verdicts } = await submit(replica, { eventId }, [[codes[0], "before", startMs]]);
      assert.deepEqual(verdicts, ["FIRST"]);
    });

    it("counts a scan whose time can't be true as made when it is handed in, and says that the clock is wrong", async () => {
      const { eventId, codes } = await arrive();
      const beforeMs = Date.now();
      const years = 365 * 86_400_000;
      const scans: Parameters<typeof submit>[2] = [
        [codes[0], "past", beforeMs - 10 * years],
        [codes[1], "future", beforeMs + years],
      ];
      const handIn = () => submit(replica, { eventId, deviceId: "stopped" }, scans);
      const once = await handIn();
      assert.deepEqual(once.verdicts, ["FIRST", "FIRST"]);
      const counted = await world.database.sql<{ at: Date }[]>`
        select admitted_at as at from reservation.admission where event_id = ${eventId}`;
      assert.equal(counted.length, 2);
      assert.ok(counted.every(({ at }) => at.getTime() >= beforeMs && at.getTime() <= Date.now()));
      assert.deepEqual(
        once.results.map(({ clockWrong }) => clockWrong),
        [true, true],
      );
      const honest = await submit(replica, { eventId, deviceId: "right" }, [[codes[0], "1", startMs]]);
      assert.deepEqual([honest.verdicts, honest.results[0]?.clockWrong], [["FIRST"], false]);
      const again = await handIn();
      assert.deepEqual(again.verdicts, ["DOUBLE", "FIRST"]);
      assert.ok(again.results.every(({ clockWrong }) => clockWrong));
    });

    it("says of a recorded scan that the clock was wrong, or right, whatever time it is handed in with again", async () => {
      const { eventId, codes } = await arrive();
      const handIn = async (firstMs: number, secondMs: number) =>
        (
          await submit(replica, { eventId }, [
            [codes[0], "right", firstMs],
            [codes[1], "wrong", secondMs],
          ])
        ).results.map(({ clockWrong }) => clockWrong);
      assert.deepEqual(await handIn(startMs, Date.now() + 3_600_000), [false, true]);
      assert.deepEqual(await handIn(startMs + 1, startMs), [false, true]);
    });

    it("knows of each epoch from when to when it lasted", async () => {
      const { eventId, codes, tickets } = await arrive();
      const { ticketId } = tickets[0];
      const give = (giver: string, epoch: number, receiverId: string) =>
        replica.tickets.transferTicket({ key: { eventId, ticketId, customerId: giver }, epoch, receiverId }, within);
      await give(customerId, 1, "second");
      const secondCode = await codeOf(replica, tickets[0], "second");
      await give("second", 2, "third");
      await world.database.sql`
        update reservation.transfer set transferred_at = transferred_at - make_interval(hours => 3 - epoch)
        where ticket_id = ${ticketId}`;
      const earlierMs = startMs - 2 * 3_600_000;
      const { verdicts, results } = await submit(replica, { eventId }, [
        [codes[0], "1a", earlierMs],
        [codes[0], "1b", startMs],
        [secondCode, "2a", earlierMs],
        [secondCode, "2b", startMs],
      ]);
      assert.deepEqual(verdicts, ["FIRST", "REJECTED", "REJECTED", "DOUBLE"]);
      assert.deepEqual(
        results.map(({ clockWrong }) => clockWrong),
        [false, false, true, false],
      );
    });

    it("judges a malformed scan by itself, and counts its neighbours", async () => {
      const { eventId, codes } = await arrive();
      const good = { code: codes[0], nonce: "good", gate: "north", scanTime: timestampFromMs(startMs) };
      const bad = [
        { ...good, nonce: "no-time", scanTime: undefined },
        { ...good, nonce: "absurd", scanTime: { seconds: 1n << 62n, nanos: 0 } },
        { ...good, nonce: "nul", gate: "a\0b" },
        { ...good, nonce: "long-gate", gate: "x".repeat(65) },
        { ...good, nonce: "long-code", code: "A".repeat(401) },
        { ...good, nonce: "" },
        { ...good, nonce: "a\0b" },
        { ...good, nonce: "x".repeat(65) },
      ];
      const scans = [...bad, good];
      const { results, doubles } = await replica.tickets.submitScans({ eventId, deviceId: "broken", scans }, within);
      assert.deepEqual(
        results.map(({ nonce, verdict }) => [nonce, ScanVerdict[verdict]]),
        scans.map(({ nonce }) => [nonce, nonce === "good" ? "FIRST" : "MALFORMED"]),
      );
      assert.deepEqual(doubles, []);
      const none = await replica.tickets.submitScans({ eventId, deviceId: "broken", scans: bad }, within);
      assert.ok(none.results.every(({ verdict }) => verdict === ScanVerdict.MALFORMED));
      for (const wrong of [[], Array.from({ length: 101 }, () => good)]) {
        const asking = replica.tickets.submitScans({ eventId, deviceId: "broken", scans: wrong }, within);
        await assert.rejects(asking, isInvalid);
      }
    });

    it("names ten double admissions of a ticket, says how many more there are, and knows them all", async () => {
      const { eventId, codes } = await arrive();
      const scans = Array.from({ length: 30 }, (_, index): [string, string, number] => [
        codes[0],
        `n${String(index).padStart(2, "0")}`,
        startMs + index,
      ]);
      const { verdicts, doubles } = await submit(replica, { eventId }, scans);
      assert.deepEqual(verdicts, ["FIRST", ...Array.from({ length: 29 }, () => "DOUBLE")]);
      assert.equal(placeOf(doubles[0]?.first), "scanner-1/n00");
      assert.deepEqual(
        doubles[0]?.others.map(({ nonce }) => nonce),
        scans.slice(1, 11).map(([, nonce]) => nonce),
      );
      assert.equal(doubles[0]?.othersLeftOut, 19);
      assert.deepEqual((await submit(replica, { eventId }, scans.slice(-1))).verdicts, ["DOUBLE"]);
      const last = await admit(replica, { eventId, code: codes[0], nonce: "n29" });
      assert.equal(wordOf(last), "admitted", "a repeat of the last of them");
    });

    it("takes in hand-ins that share keys in opposite orders, at once", async () => {
      const { eventId, codes } = await arrive();
      const deviceId = "shared";
      const handIn = (each: Replica, code: string, nonces: string[]) =>
        submit(
          each,
          { eventId, deviceId },
          nonces.map((nonce) => [code, nonce, startMs]),
        );
      const bystander = await arrive(eventId);
      // Somebody holds the key in the middle, until both have begun and wait: each for it, or for the other.
      const held = await world.database.sql.reserve();
      await held`begin`;
      await held`
        insert into reservation.admission (event_id, device_id, nonce, ticket_id, gate, admitted_at, offline)
        values (${eventId}, ${deviceId}, 'b', ${bystander.tickets[0].ticketId}, '', now(), true)`;
      const handIns = Promise.all([
        handIn(replica, codes[0], ["a", "b", "c"]),
        handIn(other, codes[1], ["c", "b", "a"]),
      ]);
      await eventually(
        async () => {
          const [row] = await world.database.sql<{ count: number }[]>`
            select count(*)::int as count from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into reservation.admission%'`;
          return row!.count;
        },
        (waiting) => waiting === 2,
      );
      await held`rollback`;
      held.release();
      const verdicts = (await handIns).map((each) => each.verdicts.toSorted());
      assert.deepEqual(verdicts.toSorted(), [
        ["DOUBLE", "DOUBLE", "FIRST"],
        ["NONCE_REUSED", "NONCE_REUSED", "NONCE_REUSED"],
      ]);
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
    // An answer, not a failure: the mesh stops asking replicas that fail.
    const refusesToSign = async ({ tickets }: Replica, { eventId, ticketId }: Ticket) => {
      const { outcome } = await tickets.getTicketQr({ key: { eventId, ticketId, customerId } }, within);
      assert.ok(outcome.case === "refusal");
      assert.equal(outcome.value.reason, RefusalReason.IN_PROGRESS);
      assert.ok(outcome.value.retryAfter);
    };
    const retire = (code: string, at: Date) => world.database.sql`
      update reservation.ticket_key set retired_at = ${at} where key_id = ${parseCode(code)!.payload.keyId}`;

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

    it("that are to be retired sign nothing more, and open doors until then", async () => {
      const ending = await world.startReplica({ TICKET_SECRET: "a ticket secret that is to end, 32 or more" });
      const { eventId, tickets } = await arrive();
      const code = await codeOf(ending, tickets[0]);
      const { keyId } = parseCode(code)!.payload;
      await world.database.sql`
        update reservation.ticket_key set retired_at = '2099-01-01T00:00:00Z' where key_id = ${keyId}`;
      await refusesToSign(ending, tickets[1]);
      const { keys } = await replica.tickets.getVerificationKeys({}, within);
      const published = keys.find((key) => key.keyId === keyId);
      assert.equal(published?.retireTime && timestampMs(published.retireTime), Date.UTC(2099, 0, 1));
      assert.equal(wordOf(await admit(ending, { eventId, code })), "admitted");
      await ending.stop();
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
      await refusesToSign(leaked, tickets[1]);
      assert.notEqual(parseCode(await codeOf(replica, tickets[1]))!.payload.keyId, keyId);
      await leaked.stop();
    });

    it("open doors offline until they are retired, whenever the scans are handed in", async () => {
      const ending = await world.startReplica({ TICKET_SECRET: "a ticket secret of yesterday, 32 or more" });
      const { eventId, tickets } = await arrive();
      const codes = await Promise.all(tickets.map((ticket) => codeOf(ending, ticket)));
      await ending.stop();
      const retiredMs = Date.now() - 600_000;
      await retire(codes[0]!, new Date(retiredMs));
      const handIn = () =>
        submit(replica, { eventId }, [
          [codes[0]!, "before", retiredMs - 1],
          [codes[1]!, "after", retiredMs],
          [codes[1]!, "to-come", Date.now() + 3_600_000],
        ]);
      const once = await handIn();
      assert.deepEqual(once.verdicts, ["FIRST", "REJECTED", "REJECTED"]);
      assert.deepEqual(
        once.results.map(({ reason }) => AdmissionRefusal[reason]),
        ["UNSPECIFIED", "UNKNOWN_KEY", "UNKNOWN_KEY"],
      );
      const fresh = await codeOf(replica, tickets[0]);
      assert.equal(wordOf(await admit(replica, { eventId, code: fresh })), "ALREADY_ADMITTED");
    });

    it("that are retired leave what was recorded as it is: repeats get the same answers", async () => {
      const ending = await world.startReplica({ TICKET_SECRET: "a ticket secret of the day before, 32 or more" });
      const { eventId, tickets } = await arrive();
      const codes = await Promise.all(tickets.map((ticket) => codeOf(ending, ticket)));
      await ending.stop();
      const scan = { eventId, code: codes[0]!, nonce: "online" };
      const admitted = await admit(replica, scan);
      const handIn = () => submit(other, { eventId }, [[codes[1]!, "offline", Date.now() - 3_600_000]]);
      assert.deepEqual((await handIn()).verdicts, ["FIRST"]);
      // Where a secret leaked nobody knows when.
      await retire(codes[0]!, new Date(0));
      const repeat = await admit(other, scan);
      assert.ok(repeat.outcome.case === "admitted" && admitted.outcome.case === "admitted");
      assert.deepEqual(repeat.outcome.value.admission, admitted.outcome.value.admission);
      assert.deepEqual((await handIn()).verdicts, ["FIRST"]);
      assert.equal(wordOf(await admit(other, { ...scan, nonce: "another" })), "UNKNOWN_KEY");
      const look = { eventId: newIds().eventId, code: codes[0]! };
      assert.equal(wordOf(await replica.tickets.verifyTicket(look, within)), "UNKNOWN_KEY");
    });
  });
});
