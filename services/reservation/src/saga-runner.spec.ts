import assert from "node:assert/strict";
import { createLogger } from "#shared/logger";
import { createMetrics } from "#shared/metrics";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { bookingIn, depsWith, hold, nowMs, refund, type Answers } from "../test/saga-deps.ts";
import { Phase, type Booking } from "./domain/booking.ts";
import type { Payments } from "./payments.ts";
import { createSagaRunner, type SagaRunner } from "./saga-runner.ts";
import type { Move } from "./store/apply-moves.ts";

describe("the saga runner", () => {
  /** A runner whose writes wait until `answer` is called, one after the other. */
  function createHeldUp(
    asked: string[],
    { askRefund, ...answered }: Answers & { askRefund?: Payments["refund"] } = {},
  ) {
    const deps = depsWith({ release: hold(HoldState.RELEASED), ...answered }, asked);
    const written: Move[] = [];
    const answers: (() => void)[] = [];
    const runner: SagaRunner = createSagaRunner({
      ...deps,
      payments: { ...deps.payments, ...(askRefund && { refund: askRefund }) },
      moves: {
        submit: (move) =>
          new Promise((resolve) => {
            written.push(move);
            answers.push(() => resolve({ ...(move.from as Booking), phase: move.to }));
          }),
      },
      leaseMs: 3_000,
      actionPollMs: 15_000,
      sagasMax: 10,
      random: () => 0,
      log: createLogger({ service: "test", level: "silent" }),
      metrics: createMetrics(),
    });
    return { runner, written, answer: () => answers.shift()!() };
  }

  it("joins the run of the same work", async () => {
    const asked: string[] = [];
    const { runner, written, answer } = createHeldUp(asked);
    const booking = bookingIn(Phase.releasing);
    const runs = [runner.run(booking, { untilMs: 0 }), runner.run({ ...booking }, { untilMs: 0 })];
    await until(() => written.length === 1);
    answer();
    await Promise.all(runs);
    assert.deepEqual(asked, ["release"]);
  });

  it("begins work that follows on a step whose answer has not come back yet", async () => {
    const asked: string[] = [];
    const { runner, written, answer } = createHeldUp(asked);
    const booking = bookingIn(Phase.releasing);
    void runner.run(booking, { untilMs: 0 });
    await until(() => written.length === 1);
    // The database has it written, and took the next command, before the first run hears of it.
    const next = runner.run({ ...bookingIn(Phase.authorizing), paymentId: "payment-2" }, { untilMs: 0 });
    await until(() => asked.includes("authorize"));
    assert.equal(runner.running(booking), next);
    await until(() => written.length === 2);
    answer();
    answer();
    await until(() => written.length === 3);
    assert.equal(runner.running(booking), next);
    answer();
    await next;
    assert.equal(runner.running(booking), undefined);
  });

  it("names the bookings whose present step takes long", async () => {
    const { runner, written, answer } = createHeldUp([]);
    const booking = bookingIn(Phase.releasing);
    const run = runner.run(booking, { untilMs: 0 });
    await until(() => written.length === 1);
    assert.deepEqual(runner.lasting(nowMs - 1), []);
    assert.deepEqual(runner.lasting(nowMs), [booking]);
    answer();
    await run;
    assert.deepEqual(runner.lasting(nowMs), []);
  });

  it("comes back to a refund that is pending when payment says, and to any other open one by its own backoff", async () => {
    for (const [answer, delayMs] of [
      [refund({ isDone: false, pendingMs: 1_200_000 }), 1_200_000],
      [refund({ isDone: false, pendingMs: 1 }), 200],
      [refund({ isDone: false }), 200],
    ] as const) {
      const { runner, written, answer: writeOn } = createHeldUp([], { refund: answer });
      const run = runner.run(bookingIn(Phase.refunding), { untilMs: 0 });
      await until(() => written.length === 1);
      assert.deepEqual([written[0]!.to, written[0]!.leaseMs], [Phase.refunding, delayMs]);
      writeOn();
      await run;
    }
  });

  const pending = refund({ isDone: false, pendingMs: 1_200_000 });

  it("asks once more about a refund that takes long when that is written: it may have ended meanwhile", async () => {
    const answers = [pending, refund({ isDone: true })];
    const { runner, written, answer } = createHeldUp([], { askRefund: async () => answers.shift()! });
    const run = runner.run(bookingIn(Phase.refunding), { untilMs: 0 });
    for (const to of [Phase.refunding, Phase.refunded]) {
      await until(() => written.at(-1)?.to === to);
      answer();
    }
    await run;
    assert.equal(written.length, 2);
  });

  for (const hints of [0, 1]) {
    it(`asks about a refund that takes long twice, and once more for each hint that joins: ${hints}`, async () => {
      const booking = bookingIn(Phase.refunding);
      let asked = 0;
      const { runner, written, answer } = createHeldUp([], {
        async askRefund() {
          asked += 1;
          if (asked === 2 && hints > 0) void runner.run(booking, { untilMs: 0, isHint: true });
          return pending;
        },
      });
      const run = runner.run(booking, { untilMs: 0 });
      for (let writes = 1; writes <= 1 + hints; writes += 1) {
        await until(() => written.length === writes);
        answer();
      }
      await run;
      assert.deepEqual([asked, written.length], [2 + hints, 1 + hints]);
    });
  }

  it("leaves what it can't go on with to others at once when it stops", async () => {
    const { runner, written, answer } = createHeldUp([]);
    void runner.run(bookingIn(Phase.authorizing), { untilMs: Infinity });
    const stopped = runner.stop();
    await until(() => written.length === 1);
    assert.deepEqual([written[0]!.to, written[0]!.leaseMs], [Phase.capturing, 0]);
    answer();
    await stopped;
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
