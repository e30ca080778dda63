// A bug or two for each promise of docs/architecture.md, and a scene in which it does harm. Most are edits of the source, such as a
// tired programmer could make; where the database itself would refuse the harm, the bug gets past it or has a hand in the
// database, and a comment says how.

import { bestOf, eventually, guest, publishEvent } from "../support/edge.ts";
import type { Wish } from "../support/memory.ts";
import type { Edit, Stage, Victim } from "./stage.ts";

/** A bug. */
export type Bug = {
  /** Number of the promise that it breaks. */
  promise: number;
  what: string;
  victim?: Victim;
  edits: Edit[];
  /** Plays the scene, for the bug where `isPlanted`, and returns what the checks find. */
  play(stage: Stage, isPlanted: boolean): Promise<string[]>;
  /** What a check must say. */
  caughtAs: string;
};

const named = (eventId: string, row: string, number: number): Wish => ({
  ...bestOf(eventId, 1),
  selection: { case: "namedSeats", value: { seats: [{ row, number }] } },
});

/** The bugs, in the order of the promises. */
export const bugs: Bug[] = [
  {
    promise: 1,
    what: "held and sold places are written into each other's columns",
    victim: "inventory",
    edits: [
      {
        file: "services/inventory/src/store/write-stock.ts",
        from: "held = c.held, sold = c.sold",
        to: "held = c.sold, sold = c.held",
      },
    ],
    async play(stage) {
      const { eventId, memory, buyer } = await scene(stage);
      await memory.hold(buyer, bestOf(eventId, 2));
      return await findings(stage, eventId, memory);
    },
    caughtAs: "inventory.counts_match_holds",
  },
  {
    promise: 2,
    // The unique key refuses a second claim; this bug passes over what it says.
    what: "named seats are given to whoever names them, and a claim that is there already is passed over",
    victim: "inventory",
    edits: [
      {
        file: "services/inventory/src/domain/stock.ts",
        from: "selection.seats.filter((seat) => seatState(map, seat) !== Seat.free)",
        to: "[] as number[]",
      },
      {
        file: "services/inventory/src/domain/stock.ts",
        from: "if (seatState(stock.seatMap, seat) !== Seat[from]) throw",
        to: "if (to !== 'held' && seatState(stock.seatMap, seat) !== Seat[from]) throw",
      },
      {
        file: "services/inventory/src/store/hold-seats.ts",
        from: "from made, unnest(made.seats) as seat`",
        to: "from made, unnest(made.seats) as seat on conflict do nothing`",
      },
    ],
    async play(stage) {
      const { eventId, memory, buyer } = await scene(stage);
      await memory.hold(buyer, named(eventId, "A", 1));
      await memory.hold(await guest(stage.system.gatewayUrl), named(eventId, "A", 1));
      return await findings(stage, eventId, memory);
    },
    caughtAs: "inventory.one_owner_per_seat",
  },
  {
    promise: 3,
    what: "a reservation is answered before it is committed",
    victim: "reservation",
    edits: [
      {
        file: "services/reservation/src/booking-creator.ts",
        from: "fresh.length > 0 ? await insertBookings(sql, fresh) : [];",
        to: `fresh.map((booking) => ({
          ...booking, phaseAt: new Date(), createdAt: new Date(), confirmedAt: null, lapsed: false, paymentId: null,
          paymentMethodToken: null, refundId: null, refundedMinor: 0, checkoutCount: 0, attempts: 0,
          nextActionUrl: null, holdId: booking.reservationId, endReason: null,
        }));
        setTimeout(() => insertBookings(sql, fresh), 120_000);`,
      },
    ],
    async play(stage) {
      const { eventId, memory, buyer } = await scene(stage);
      await memory.hold(buyer, bestOf(eventId, 2));
      await stage.crash("reservation");
      return await findings(stage, eventId, memory);
    },
    caughtAs: "promise 3: ",
  },
  {
    promise: 4,
    what: "the sweeper finds no lapsed hold",
    victim: "inventory",
    edits: [
      {
        file: "services/inventory/src/store/read-holds.ts",
        from: "where state = 'held' and expires_at <= now()",
        to: "where false",
      },
    ],
    async play(stage) {
      const { eventId, memory, buyer } = await scene(stage, { holdTtlMs: 1_000 });
      await memory.hold(buyer, bestOf(eventId, 2));
      await eventually("the hold ended more than five seconds ago", async () => {
        const [row] = await stage.system.database.sql<{ isOver: boolean }[]>`
          select bool_and(expires_at < clock_timestamp() - interval '7 seconds') as "isOver"
          from inventory.hold where event_id = ${eventId}`;
        return row!.isOver || undefined;
      });
      return await findings(stage, eventId, memory);
    },
    caughtAs: "inventory.lapsed_holds_are_swept",
  },
  {
    promise: 5,
    what: "a refund frees the seats and forgets the money",
    victim: "reservation",
    edits: [
      {
        file: "services/reservation/src/saga.ts",
        from: "await payments.refund(",
        to: 'await (async (_: unknown) => ({ kind: "known", value: { finishTime: {} } }))(',
      },
    ],
    async play(stage) {
      const { eventId, memory, buyer } = await scene(stage);
      const wish = bestOf(eventId, 2);
      await memory.hold(buyer, wish);
      await memory.pay(wish, { token: "tok_approve", key: "one" });
      await memory.cancel(wish);
      return await findings(stage, eventId, memory);
    },
    caughtAs: "reservation.payments_agree",
  },
  {
    promise: 6,
    // Every sum stays right, so that only the seal can tell. Before the next one, which breaks the chain as well: a walk names the
    // first broken link.
    what: "somebody with the owner's rights changes a sealed transaction of the ledger so that it balances",
    edits: [],
    async play(stage, isPlanted) {
      const { eventId, memory, buyer } = await scene(stage);
      const wish = bestOf(eventId, 2);
      await memory.hold(buyer, wish);
      await memory.pay(wish, { token: "tok_approve", key: "one" });
      await eventually("the ledger is sealed", async () => (await stage.walkLedger()).unsealed === 0n || undefined);
      if (isPlanted) {
        const { sql } = stage.system.database;
        await sql`alter table payment.ledger_entry disable trigger append_only`;
        await sql`
          update payment.ledger_entry set amount_minor = amount_minor + sign(amount_minor) where event_id = ${eventId}`;
        await sql`alter table payment.ledger_entry enable trigger append_only`;
      }
      const { broken } = await stage.walkLedger();
      return [...(await findings(stage, eventId, memory)), ...broken.filter((words) => words.includes(eventId))];
    },
    caughtAs: "link ",
  },
  {
    promise: 6,
    // Triggers refuse what does not balance, and every change: somebody with the owner's rights puts one aside.
    what: "somebody with the owner's rights changes a line of the ledger",
    edits: [],
    async play(stage, isPlanted) {
      const { eventId, memory, buyer } = await scene(stage);
      const wish = bestOf(eventId, 2);
      await memory.hold(buyer, wish);
      await memory.pay(wish, { token: "tok_approve", key: "one" });
      if (isPlanted) {
        const { sql } = stage.system.database;
        await sql`alter table payment.ledger_entry disable trigger append_only`;
        await sql`
          update payment.ledger_entry set amount_minor = amount_minor + 1
          where event_id = ${eventId} and account = 'ticket_sales'`;
        await sql`alter table payment.ledger_entry enable trigger append_only`;
      }
      return await findings(stage, eventId, memory);
    },
    caughtAs: "payment.transactions_balance",
  },
  {
    promise: 7,
    what: "a key that comes with another payment method gets the first one's answer",
    victim: "reservation",
    edits: [
      {
        file: "services/reservation/src/domain/checkout.ts",
        from: 'if (checkout.tokenDigest !== tokenDigest) return { kind: "keyReused" };',
        to: "",
      },
    ],
    async play(stage) {
      const { eventId, memory, buyer } = await scene(stage);
      const wish = bestOf(eventId, 2);
      await memory.hold(buyer, wish);
      await memory.pay(wish, { token: "tok_approve", key: "one" });
      return await findings(stage, eventId, memory);
    },
    caughtAs: "promise 7: ",
  },
  {
    promise: 8,
    what: "seats are taken before the customer's limit is looked at",
    victim: "inventory",
    edits: [
      {
        file: "services/inventory/src/domain/decide-holds.ts",
        from: 'return { kind: "customerLimit", limit',
        to: 'allocate(stock, selection); return { kind: "customerLimit", limit',
      },
    ],
    play: askForTooMany,
    caughtAs: "promise 8: ",
  },
  {
    promise: 9,
    what: "what a customer owns already is not counted",
    victim: "inventory",
    edits: [
      {
        file: "services/inventory/src/store/read-holds.ts",
        from: "coalesce(sum(h.quantity), 0)::int",
        to: "coalesce(sum(h.quantity), 0)::int * 0",
      },
    ],
    play: askForTooMany,
    caughtAs: "inventory.customers_within_limit",
  },
  {
    promise: 10,
    what: "a confirmation that comes late revives a hold that has ended",
    victim: "inventory",
    edits: [
      {
        file: "services/inventory/src/domain/hold.ts",
        from: 'return state === "held" ? standing({ ...hold, state: "confirmed" }) : { kind: "lapsed" };',
        to: 'return standing({ ...hold, state: "confirmed" });',
      },
    ],
    async play(stage) {
      const { eventId, memory, buyer } = await scene(stage, { holdTtlMs: 1_000 });
      const wish = bestOf(eventId, 1);
      await memory.hold(buyer, wish);
      await eventually("the hold has ended", async () => {
        const [row] = await stage.system.database.sql<{ state: string }[]>`
          select state from inventory.hold where event_id = ${eventId}`;
        return row!.state === "expired" || undefined;
      });
      await stage.confirmLate({ eventId, holdId: wish.reservationId });
      return await findings(stage, eventId, memory);
    },
    caughtAs: "inventory.states_move_forward",
  },
];

async function askForTooMany(stage: Stage): Promise<string[]> {
  const { eventId, memory, buyer } = await scene(stage, { customerLimit: 2 });
  await memory.hold(buyer, bestOf(eventId, 2));
  await memory.hold(buyer, bestOf(eventId, 1));
  return await findings(stage, eventId, memory);
}

async function scene(stage: Stage, wishes: Parameters<typeof publishEvent>[1] = {}) {
  const eventId = await publishEvent(stage.staff, wishes);
  const buyer = await guest(stage.system.gatewayUrl);
  return { eventId, buyer, memory: stage.remember(eventId) };
}

// First what the system says of itself: asking everything again may mend what was broken.
async function findings(stage: Stage, eventId: string, memory: ReturnType<Stage["remember"]>): Promise<string[]> {
  const violations = await stage.violations(eventId);
  return [...violations, ...(await memory.contradictions())];
}
