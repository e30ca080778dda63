// An attempt that was begun stands, whether or not its caller could still be told what came of it.

import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import type { Batcher } from "#shared/batcher";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { eventually, newIds, type Ids } from "../test/world.ts";
import { createCheckouts } from "./checkout.ts";
import { Phase } from "./domain/booking.ts";
import { insertBookings } from "./store/insert-bookings.ts";

const customerId = "customer-1";
const timeoutMs = 60_000;
/** Most readings of what came of attempts: two batches that run, and what waits. */
const readingsMax = 2 * 200 + 2_000;

describe("a checkout whose attempt was begun", () => {
  let database: TestDatabase;
  before(async () => (database = await createTestDatabase()));
  after(() => database.drop());

  // Checkouts whose sagas the test plays: they last until it calls `endSagas`.
  function setUp() {
    let endSagas = () => {};
    const sagas = new Promise<void>((resolve) => (endSagas = resolve));
    const queues = new Map<string, Pick<Batcher<never, unknown>, "queued" | "inFlight">>();
    const { pay } = createCheckouts({
      sql: database.sql,
      runner: {
        free: Infinity,
        run: () => sagas,
        running: () => sagas,
        lasting: () => [],
        stop: async () => {},
      },
      newId: () => uuidv7(),
      actionPollMs: 60_000,
      leaseMs: 60_000,
      metrics: { onBatch: () => () => {}, watchQueue: (name, batcher) => void queues.set(name, batcher) },
    });
    const isIdle = (name: string) => queues.get(name)!.queued === 0 && queues.get(name)!.inFlight === 0;
    return {
      endSagas,
      isIdle,
      pay: (ids: Ids, deadlineAtMs: number) =>
        pay({ ...ids, customerId, idempotencyKey: "key", paymentMethodToken: "tok_approve" }, { deadlineAtMs }),
    };
  }

  async function insertHeld(): Promise<Ids> {
    const ids = newIds();
    const booking = { ...ids, customerId, areaId: "stalls", quantity: 1, seats: "A:1", unitPriceMinor: 100 };
    const holdExpiresAt = new Date(Date.now() + 600_000);
    await insertBookings(database.sql, [{ ...booking, currency: "EUR", phase: Phase.held, holdExpiresAt }]);
    return ids;
  }

  async function phaseOf({ eventId, reservationId }: Ids): Promise<number> {
    const [row] = await database.sql<{ phase: number }[]>`
      select phase from reservation.reservation where event_id = ${eventId} and reservation_id = ${reservationId}`;
    return row!.phase;
  }

  it("is in progress for a caller whose time is over when there is something to read", async () => {
    const ids = await insertHeld();
    const { pay } = setUp();
    let paying: ReturnType<typeof pay> | undefined;
    await database.sql.begin(async (tx) => {
      await tx`select from reservation.reservation where reservation_id = ${ids.reservationId} for update`;
      const deadlineAtMs = Date.now() + 100;
      paying = pay(ids, deadlineAtMs);
      await eventually(
        () => Date.now(),
        (nowMs) => nowMs > deadlineAtMs,
      );
    });
    assert.deepEqual(await paying, { kind: "inProgress" });
    assert.equal(await phaseOf(ids), Phase.authorizing);
  });

  it("is in progress for those for whom there is no room to read what came of it", async () => {
    const ids = await insertHeld();
    const { pay, endSagas, isIdle } = setUp();
    const answers: ReturnType<typeof pay>[] = [];
    while (answers.length <= readingsMax) {
      for (let round = 0; round < 1_000; round++) answers.push(pay(ids, Date.now() + timeoutMs));
      await eventually(() => isIdle("checkout"), Boolean);
    }
    let answered = 0;
    await database.sql.begin(async (tx) => {
      await tx`lock table reservation.reservation in access exclusive mode`;
      for (const answer of answers) void answer.then(() => (answered += 1));
      endSagas();
      await eventually(
        () => answered,
        (count) => count >= answers.length - readingsMax,
      );
    });
    for (const answer of await Promise.all(answers)) assert.deepEqual(answer, { kind: "inProgress" });
    assert.equal(await phaseOf(ids), Phase.authorizing);
  });
});
