// The harness's own checks: one that can't find what is wrong makes every case hold. The system is whole; what buyers remember
// of it is doctored, and at the end its database too.

import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import type { Stats } from "../../services/payment/src/sandbox/book.ts";
import { bestOf, eventually, type EdgeUser } from "../support/edge.ts";
import { startSystem, type System } from "../support/system.ts";
import { createAsk } from "./ask.ts";
import { hold, newBooking, visitBank, type Booking } from "./booking.ts";
import { assembleCast, type Cast } from "./buyers.ts";
import { wrongCharges } from "./check-charges.ts";
import { brokenLedger } from "./check-ledger.ts";
import { brokenPromises, unfinishedWork, violations } from "./checks.ts";
import { providerStats } from "./provider.ts";
import { play, stageFor, type Story } from "./stories.ts";

const told: Story[] = ["hold", "pay", "decline", "refund", "refund-ticket", "transfer", "admit", "hand-in"];

type Doctored = { what: string; story: Story; changed: (booking: Booking) => Booking; found: RegExp };

const doctored: Doctored[] = [
  {
    what: "a reservation that there should not be",
    story: "hold",
    changed: ({ buyer, wish }) => ({ ...newBooking(buyer, wish), refused: "SOLD_OUT" }),
    found: /refused \(SOLD_OUT\), yet there is a reservation/,
  },
  {
    what: "a reservation that is gone",
    story: "hold",
    changed: (booking) => ({ ...booking, wish: { ...booking.wish, reservationId: uuidv7() } }),
    found: /it was held, and is gone: NOT_FOUND/,
  },
  {
    what: "other seats",
    story: "hold",
    changed: (booking) => ({ ...booking, held: { ...booking.held!, seats: booking.held!.seats.slice(1) } }),
    found: /it had A\d+, and has A\d+ A\d+[^]*asked for again it has other places/,
  },
  {
    what: "another state",
    story: "pay",
    changed: (booking) => ({ ...booking, state: ReservationState.CANCELLED }),
    found: /told to be CANCELLED, and is CONFIRMED/,
  },
  {
    what: "a payment that is answered otherwise",
    story: "decline",
    changed: (booking) => ({ ...booking, attempts: [{ ...booking.attempts[0]!, answer: "CONFIRMED" }] }),
    found: /answered with CONFIRMED is now answered with PAYMENT_DECLINED/,
  },
  {
    what: "a refund that is not what it was, nor what the booking says",
    story: "refund-ticket",
    changed(booking) {
      const [refund] = booking.refunds;
      const amount = { ...refund!.answer.amount!, amountMinor: 1n };
      return { ...booking, refunds: [{ ...refund!, answer: { ...refund!.answer, amount } }] };
    },
    found: /1 of it was paid back, and it says 2500[^]*a refund was /,
  },
  {
    what: "a ticket too many",
    story: "refund-ticket",
    changed: (booking) => ({ ...booking, refunds: [] }),
    found: /it has 1 live tickets instead of 2/,
  },
  {
    what: "a ticket that was given to somebody who has it no longer",
    story: "transfer",
    changed: ({ given, ...booking }) => ({ ...booking, given: { ...given!, ticket: { ...given!.ticket, epoch: 7 } } }),
    found: /given away is not its receiver's/,
  },
  {
    what: "a scan that is answered otherwise",
    story: "admit",
    changed({ admitted, ...booking }) {
      const [one, other] = admitted!.scans;
      return { ...booking, admitted: { scans: [{ ...one!, answer: other!.answer }] } };
    },
    found: /a scan was /,
  },
  {
    what: "the wrong gate as the first",
    story: "hand-in",
    changed: ({ handedIn, ...booking }) => ({
      ...booking,
      handedIn: { ...handedIn!, requests: handedIn!.requests.toReversed() },
    }),
    found: /the scan of north is not DOUBLE[^]*1 double admission after that of south/,
  },
];

describe("the checks of the fault harness", function () {
  this.timeout(120_000);
  const ask = createAsk({ repeats: 1, giveUp: new AbortController().signal, counts: { known: 0, unknown: 0 } });
  const bookings = new Map<Story, Booking>();
  let system: System;
  let cast: Cast;
  let provider: { sql: System["database"]["sql"]; sandboxUrl(): string };
  let statsBefore: Stats;

  before(async () => {
    system = await startSystem();
    const { gatewayUrl, issuerUrl, sandboxUrl } = system;
    provider = { sql: system.database.sql, sandboxUrl: () => sandboxUrl };
    cast = await assembleCast({ ...provider, gatewayUrls: [gatewayUrl], issuerUrl: () => issuerUrl });
    statsBefore = await providerStats(provider);
    for (const story of told) {
      const booking = newBooking(cast.friend, bestOf(await stageFor(story, cast), 2));
      await play(story, { booking, others: [], ask, cast });
      bookings.set(story, booking);
    }
    await eventually("nothing is unfinished", async () => {
      const unfinished = await unfinishedWork([...bookings.values()], ask, provider);
      return unfinished.length === 0 || undefined;
    });
  });
  after(() => system?.stop());

  it("find nothing where all is well", async () => {
    const all = [...bookings.values()];
    assert.deepEqual(await brokenPromises(all, cast, ask), []);
    assert.deepEqual(await violations(cast, ask), []);
    assert.deepEqual(await brokenLedger(all, cast, ask), []);
    assert.deepEqual(await wrongCharges(all, { stack: provider, before: statsBefore }), []);
  });

  for (const { what, story, changed, found } of doctored) {
    it(`find ${what}`, async () => {
      const broken = await brokenPromises([changed(bookings.get(story)!)], cast, ask);
      assert.match(broken.join("\n"), found);
    });
  }

  it("find a code from before a transfer that opens the door still", async () => {
    const booking = bookings.get("transfer")!;
    const { to, ticket } = booking.given!;
    const { code } = await to.tickets.getTicketQr({ eventId: ticket.eventId, ticketId: ticket.ticketId });
    const broken = await brokenPromises([{ ...booking, given: { to, ticket, oldCode: code } }], cast, ask);
    assert.match(broken.join("\n"), /a code from before a transfer is good still/);
  });

  it("find seats with two owners", async () => {
    const booking = bookings.get("pay")!;
    const other = { ...booking, wish: { ...booking.wish, reservationId: uuidv7() } };
    const broken = (await brokenPromises([booking, other], cast, ask)).filter((words) =>
      words.includes("was given to"),
    );
    assert.equal(broken.length, 2);
  });

  it("find charges of nobody, and money that is not there", async () => {
    const unknown = [...bookings].filter(([story]) => story !== "pay").map(([, booking]) => booking);
    const wrong = (await wrongCharges(unknown, { stack: provider, before: statsBefore })).join("\n");
    assert.match(wrong, /of authorize the provider did/);
    assert.match(wrong, /of capture the provider did/);
    const held = { ...bookings.get("hold")!, state: ReservationState.CONFIRMED };
    assert.match(
      (await wrongCharges([held], { stack: provider, before: statsBefore })).join("\n"),
      /holds 0 for .* instead of 5000/,
    );
  });

  it("find what is being paid still, and take it neither for done nor for confirmed", async () => {
    const booking = newBooking(cast.friend, bestOf(bookings.get("hold")!.wish.eventId, 2));
    await hold(booking, ask);
    await visitBank(booking, ask, { token: "tok_3ds", key: "bank" });
    assert.match((await unfinishedWork([booking], ask, provider)).join(), /is still PAYING/);
    const attempts = [{ key: "bank", token: "tok_3ds", answer: "CONFIRMED" }];
    const paid = { ...booking, state: ReservationState.CONFIRMED, attempts };
    const broken = (await brokenPromises([paid], cast, ask)).join("\n");
    assert.match(broken, /answered with CONFIRMED is now answered with PAYING/);
    const charges = await wrongCharges([booking], { stack: provider, before: statsBefore });
    assert.match(charges.join("\n"), /was left requires_action/);
  });

  it("find a refund that is not done, and events that wait to be published", async () => {
    const booking = bookings.get("refund-ticket")!;
    const answer = async () => ({ refund: { ...booking.refunds[0]!.answer, done: false } });
    const by = { operations: { refundReservation: answer } } as unknown as EdgeUser;
    const refunds = [{ ...booking.refunds[0]!, by }];
    assert.match((await unfinishedWork([{ ...booking, refunds }], ask, provider)).join(), /a refund of .* is not done/);
    await eventually("all that happened is published", async () => {
      return (await unfinishedWork([], ask, provider)).length === 0 || undefined;
    });
    // Nobody else sees the row, to publish it, before it is committed, which it never is.
    const sql = await system.database.sql.reserve();
    try {
      await sql`begin`;
      await sql`insert into reservation.outbox (event_id, messages) values (${booking.wish.eventId}, '[]')`;
      assert.match((await unfinishedWork([], ask, { sql })).join(), /rows of the outbox wait/);
    } finally {
      await sql`rollback`;
      sql.release();
    }
  });

  it("find money in the ledger that was never paid", async () => {
    const booking = bookings.get("pay")!;
    await system.database.sql.begin(async (sql) => {
      await sql`alter table payment.ledger_entry disable trigger all`;
      await sql`
        update payment.ledger_entry set amount_minor = amount_minor * 2
        where account = 'ticket_sales' and event_id = ${booking.wish.eventId}`;
    });
    const broken = (await brokenLedger([booking], cast, ask)).join("\n");
    assert.match(broken, /the ledger is broken: link \d+ /);
    assert.match(broken, /the money of event .* is not that of its seats: stalls/);
    assert.notDeepEqual(await violations(cast, ask), []);
  });
});
