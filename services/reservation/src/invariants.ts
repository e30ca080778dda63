// Asks the promises of the running system: this service's rows, and what inventory and payment say of the same bookings.

import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { InvariantReportSchema } from "#stubs";
import type { Caller } from "#shared/batcher";
import { CallerGoneError } from "#shared/batcher";
import type { Sql } from "#shared/sql";
import { isUnfinished, Phase } from "./domain/booking.ts";
import { holdAgrees, paymentAgrees } from "./domain/agreement.ts";
import type { Payment } from "#gen/boxoffice/payment/v1/payment";
import type { Inventory } from "./inventory.ts";
import type { Payments } from "./payments.ts";
import {
  auditBookings,
  auditCheckouts,
  type AuditedBooking,
  type AuditedCheckout,
  type AuditQuery,
} from "./store/audit.ts";

/** How one promise stands. */
export type Report = MessageInitShape<typeof InvariantReportSchema>;

type Check<Row> = {
  promise: number;
  name: string;
  description: string;
  /** Returns those rows that break the promise. */
  violators: (rows: Row[]) => Row[] | Promise<Row[]>;
};

type Deps = { sql: Sql; inventory: Inventory; payments: Payments };

const pageRows = 500;
const examplesMax = 10;

// Bookings move while they are looked at, and their parts are read one after the other. Only what is still wrong after
// looks this far apart counts.
const looks = 3;
const lookPauseMs = 250;

/**
 * Returns how the promises stand in one event, or in all of them. Throws CallerGoneError when the caller's deadline passes
 * first, and what the neighbours' failed calls throw.
 */
export async function checkInvariants(eventId: string | undefined, caller: Caller, deps: Deps): Promise<Report[]> {
  const { sql, inventory, payments } = deps;
  const ofBookings = await examine<AuditedBooking>({
    eventId,
    caller,
    read: (query) => auditBookings(sql, query),
    checks: [
      {
        promise: 4,
        name: "reservation.holds_agree",
        description: "settled bookings whose hold in inventory stands in a contradicting state, or owns other places",
        async violators(rows) {
          const settled = rows.filter(({ phase }) => phase !== Phase.held && !isUnfinished(phase));
          const outcomes = settled.length > 0 ? await inventory.getHolds(settled) : [];
          return settled.filter((row, index) => {
            const outcome = outcomes[index]?.outcome;
            return !holdAgrees(row, outcome?.case === "hold" ? outcome.value : undefined);
          });
        },
      },
      {
        promise: 5,
        name: "reservation.nothing_is_stuck",
        description:
          "bookings whose work has not ended within a minute, or within a minute of their hold's end; not those whose refund " +
          "is on its way at the provider, or waits for a dispute's end",
        violators: (rows) =>
          withoutPendingRefunds(
            rows.filter(({ overdue }) => overdue),
            payments,
          ),
      },
      {
        promise: 7,
        name: "reservation.attempts_agree",
        description: "bookings whose state and attempts to pay contradict each other",
        violators: (rows) => rows.filter(({ contradictory }) => contradictory),
      },
      {
        promise: 2,
        name: "reservation.tickets_agree",
        description: "confirmed bookings without exactly one ticket for each place, others with a live ticket",
        violators: (rows) => rows.filter(({ mistaken }) => mistaken),
      },
      {
        promise: 5,
        name: "reservation.refunds_agree",
        description:
          "bookings whose refunds are not what they say was paid back, or took other places than their tickets say",
        violators: (rows) => rows.filter(({ miscounted }) => miscounted),
      },
      {
        promise: 10,
        name: "reservation.states_move_forward",
        description: "paid bookings that stand in a state before CONFIRMED",
        violators: (rows) => rows.filter(({ backwards }) => backwards),
      },
    ],
  });
  const ofCheckouts = await examine<AuditedCheckout>({
    eventId,
    caller,
    read: (query) => auditCheckouts(sql, query),
    checks: [
      {
        promise: 5,
        name: "reservation.payments_agree",
        description: "ended attempts to pay whose payment stands in a contradicting state, or was refunded otherwise",
        async violators(rows) {
          const outcomes = await payments.getPayments(rows);
          return rows.filter((row, index) => {
            const outcome = outcomes[index]?.outcome;
            return !paymentAgrees(row, outcome?.case === "payment" ? factsOf(outcome.value) : undefined);
          });
        },
      },
    ],
  });
  return [...ofBookings, ...ofCheckouts];
}

// A provider may take days, of which payment.none_stuck says how many are too many; a dispute may take months.
async function withoutPendingRefunds(overdue: AuditedBooking[], payments: Payments): Promise<AuditedBooking[]> {
  const keys = overdue.flatMap(({ eventId, paymentId, phase }) =>
    paymentId !== null && (phase === Phase.refunding || phase === Phase.partRefunding) ? [{ eventId, paymentId }] : [],
  );
  if (keys.length === 0) return overdue;
  const pending = new Set(
    (await payments.getPayments(keys)).flatMap(({ outcome: { case: kind, value } }) =>
      kind === "payment" && value.refundPendingTime ? [value.paymentId] : [],
    ),
  );
  return overdue.filter(({ paymentId }) => paymentId === null || !pending.has(paymentId));
}

function factsOf({ state, refunded }: Payment) {
  return { state, refundedMinor: Number(refunded?.amountMinor ?? 0n) };
}

async function examine<Row extends { reservationId: string }>(options: {
  eventId: string | undefined;
  caller: Caller;
  read: (query: AuditQuery<Row>) => Promise<Row[]>;
  checks: Check<Row>[];
}): Promise<Report[]> {
  const { eventId, caller, read, checks } = options;
  const tallies = checks.map(() => ({ violations: 0, examples: [] as string[] }));
  let examined = 0;
  let after: Row | undefined;
  for (;;) {
    if (caller.isGone?.() || Date.now() >= caller.deadlineAtMs) throw new CallerGoneError("the caller no longer waits");
    const rows = await read({ eventId, after, limit: pageRows });
    examined += rows.length;
    for (const [index, { violators }] of checks.entries()) {
      let suspects = rows.length > 0 ? await violators(rows) : [];
      for (let look = 1; look < looks && suspects.length > 0; look += 1) {
        await sleep(lookPauseMs);
        suspects = await violators(await read({ rows: suspects }));
      }
      const tally = tallies[index]!;
      tally.violations += suspects.length;
      const room = examplesMax - tally.examples.length;
      tally.examples.push(...suspects.slice(0, room).map(({ reservationId }) => reservationId));
    }
    if (rows.length < pageRows) break;
    after = rows.at(-1);
  }
  return checks.map(({ promise, name, description }, index) => ({
    promise,
    name,
    description,
    violations: BigInt(tallies[index]!.violations),
    examined: BigInt(examined),
    examples: tallies[index]!.examples,
  }));
}
