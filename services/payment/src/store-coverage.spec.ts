// What lost disputes pay of refunds, in every order in which a provider's answers and a bank's decisions can come.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createSql, type Sql } from "#shared/sql";
import { createHarness, inTime, newKey, orderFor, type Client, type Harness } from "../test/harness.ts";
import { DisputeStatus } from "./domain/dispute.ts";
import type { PaymentKey } from "./domain/payment.ts";
import type { Refund, RefundPart } from "./domain/refund.ts";
import { createDisputeStore, type DisputeStore } from "./store-disputes.ts";
import { createRefundStore, type RefundStore } from "./store-refunds.ts";
import { createRefusalStore, type RefusalStore } from "./store-refusals.ts";
import { createRepaymentStore, type RepaymentStore } from "./store-repayments.ts";

describe("what a lost dispute pays of a refund", () => {
  let harness: Harness;
  let client: Client;
  let sql: Sql;
  let disputes: DisputeStore;
  let refunds: RefundStore;
  let refusals: RefusalStore;
  let repayments: RepaymentStore;
  before(async () => {
    harness = await createHarness();
    // Whoever asks the provider is the spec itself.
    ({ client } = await harness.start({ RESUME_INTERVAL_MS: "60000" }));
    sql = createSql({ url: harness.database.urlOf("payment"), poolMax: 8, applicationName: "test" });
    disputes = createDisputeStore(sql);
    refunds = createRefundStore(sql);
    refusals = createRefusalStore(sql);
    repayments = createRepaymentStore(sql);
  });
  after(async () => {
    await sql.end();
    await harness.stop();
  });

  const captured = async () => {
    const key = newKey();
    await client.authorize(orderFor(key), inTime);
    await client.capture({ key }, inTime);
    return key;
  };
  /** Begins a refund of everything, or goes on with it, to the point where the provider is asked. */
  const ask = async (key: PaymentKey, refundId: string, part?: RefundPart): Promise<Refund> => {
    const { decision } = await refunds.begin({ ...key, refundId, part });
    assert.equal(decision.kind, "ask");
    return (decision as { refund: Refund }).refund;
  };
  const decide = (key: PaymentKey, status: keyof typeof DisputeStatus, amountMinor = 4_200, ref = "dp_1") =>
    disputes.record(key, {
      ...{ ref, status: DisputeStatus[status], amountMinor },
      ...{ currencyCode: "EUR", reason: "fraudulent" },
    });
  const refuse = (key: PaymentKey, { refundId, refusals: before }: Refund, isUnsure = false) =>
    refusals.noteRefund({ ...key, refundId, refusals: before, reason: "charge_disputed", retryMs: null, isUnsure });
  /** Each refund, oldest first: amount, what is covered of it, how often it was refused, whether it is done. */
  const rows = async ({ paymentId }: PaymentKey) =>
    (
      await sql<{ line: string }[]>`
        select concat_ws(' ', amount_minor, covered_minor, refusals, case when finished_at is null then 'open' else 'done' end,
          case when repays is not null then 'repays' end) as line
        from payment.refund where payment_id = ${paymentId} order by created_at`
    ).map(({ line }) => line);
  const broken = async ({ eventId }: PaymentKey) => {
    const { reports } = await client.checkInvariants({ scope: { eventId } }, inTime);
    return reports.filter(({ violations }) => violations > 0n).map(({ name }) => name);
  };
  const owedMinor = async ({ eventId }: PaymentKey) => {
    const { areas } = await client.getSaleFigures({ eventId }, inTime);
    return Number(areas[0]!.owedMinor);
  };

  it("it pays once the provider, which had it in work when the dispute was lost, has failed to make it", async () => {
    const key = await captured();
    const refundId = randomUUID();
    const refund = await ask(key, refundId);
    await refunds.notePending(key, refund, "processing");
    await decide(key, "open");
    await decide(key, "lost");
    assert.deepEqual(await rows(key), ["4200 0 0 open"]);
    await refuse(key, refund);
    // At once, although its pauses had come to an end.
    assert.equal((await ask(key, refundId)).coveredMinor, 4_200);
    assert.deepEqual([await rows(key), await broken(key)], [["4200 4200 1 open"], []]);
  });

  it("it pays when that was done before the loss, and fails after it", async () => {
    const key = await captured();
    const refundId = randomUUID();
    await refunds.finish(key, await ask(key, refundId), "re_1");
    await decide(key, "lost");
    assert.equal(await repayments.noteFailed({ ...key, refundId, ref: "re_1" }), true);
    assert.deepEqual(await rows(key), ["4200 0 0 done", "4200 4200 1 open repays"]);
    assert.deepEqual(await broken(key), []);
  });

  it("it pays nothing of what the provider may have made, of which the answer is not known", async () => {
    const key = await captured();
    const refundId = randomUUID();
    const asked = await ask(key, refundId);
    await decide(key, "open");
    // It is asked about all the same.
    assert.equal((await ask(key, refundId)).coveredMinor, 0);
    await decide(key, "lost", 1_200);
    assert.equal((await ask(key, refundId)).coveredMinor, 0);
    await refunds.finish(key, asked, "re_1");
    assert.deepEqual([await rows(key), await broken(key)], [["4200 0 0 done"], []]);
  });

  it("it pays nothing of what is found to be on its way while the loss is written", async () => {
    const key = await captured();
    const refund = await ask(key, randomUUID());
    await decide(key, "lost");
    await refunds.notePending(key, refund, "processing");
    assert.deepEqual([await rows(key), await broken(key)], [["4200 0 0 open"], []]);
  });

  it("it pays nothing of what a fault may have left made, until it is known that it was not", async () => {
    const key = await captured();
    const refundId = randomUUID();
    const refund = await ask(key, refundId);
    await refuse(key, refund, true);
    await decide(key, "lost");
    assert.deepEqual(await rows(key), ["4200 0 1 open"]);
    await refuse(key, await ask(key, refundId));
    assert.deepEqual(await rows(key), ["4200 4200 2 open"]);
  });

  it("what is told late of a try that was refused changes nothing", async () => {
    const key = await captured();
    const refund = await ask(key, randomUUID());
    await refuse(key, refund);
    const pending = await refunds.notePending(key, refund, "processing");
    assert.equal(pending.refund.pendingSince, undefined);
    // It was done, and has failed since.
    const done = await refunds.finish(key, refund, "re_1");
    assert.equal(done.refund.finishedAt, undefined);
    assert.deepEqual(await rows(key), ["4200 0 1 open"]);
  });

  it("it pays a part, of which the appeal is won while the rest is on its way: that part is owed when the rest is done", async () => {
    const key = await captured();
    await decide(key, "lost", 1_200);
    const refund = await ask(key, randomUUID());
    assert.equal(refund.coveredMinor, 1_200);
    await refunds.notePending(key, refund, "processing");
    await decide(key, "won", 1_200);
    assert.deepEqual([await rows(key), await broken(key)], [["4200 1200 0 open"], []]);
    await refunds.finish(key, refund, "re_1");
    assert.deepEqual(await rows(key), ["4200 0 0 done", "1200 0 0 open repays"]);
    assert.deepEqual([await owedMinor(key), await broken(key)], [1_200, []]);
  });

  it("it pays a part, of which the appeal is won before the rest is refused: all of it is asked for", async () => {
    const key = await captured();
    const refundId = randomUUID();
    await decide(key, "lost", 1_200);
    const refund = await ask(key, refundId);
    await decide(key, "won", 1_200);
    await refuse(key, refund);
    assert.equal((await ask(key, refundId)).coveredMinor, 0);
    assert.deepEqual(await broken(key), []);
  });

  it("it pays without waiting for another dispute's end", async () => {
    const key = await captured();
    await decide(key, "lost", 1_200);
    await decide(key, "open", 3_000, "dp_2");
    const part = { amountMinor: 1_200, returnedMinor: 1_200 };
    const refund = await ask(key, randomUUID(), part);
    await refunds.finish(key, refund, "");
    const { decision } = await refunds.begin({ ...key, refundId: randomUUID(), part: undefined });
    assert.equal(decision.kind, "answer");
    assert.deepEqual([await rows(key), await broken(key)], [["1200 1200 0 done", "3000 0 0 open"], []]);
  });

  it("that a lost dispute pays in full, and is won on appeal before it is written as done, is owed then and asked for once", async () => {
    const key = await captured();
    const refundId = randomUUID();
    await decide(key, "lost");
    const refund = await ask(key, refundId);
    await decide(key, "won");
    assert.deepEqual(await ask(key, refundId), refund);
    await refunds.finish(key, refund, "");
    assert.deepEqual(await rows(key), ["4200 0 0 done", "4200 0 0 open repays"]);
    assert.deepEqual([await owedMinor(key), await broken(key)], [4_200, []]);
  });

  it("a repayment waits for a dispute's end as well, but not when it is on its way", async () => {
    const key = await captured();
    const refundId = randomUUID();
    await refunds.finish(key, await ask(key, refundId), "re_1");
    await repayments.noteFailed({ ...key, refundId, ref: "re_1" });
    await decide(key, "open");
    const isDue = async () => {
      await sql`update payment.refund set retry_at = now() where payment_id = ${key.paymentId} and repays is not null`;
      const due = await repayments.takeDue({ claimMs: 60_000, itemsMax: 100 });
      return due.some(({ paymentId }) => paymentId === key.paymentId);
    };
    assert.equal(await isDue(), false);
    const { refund } = await refunds.takeUp(key, (all) => all.find(({ repays }) => repays));
    await refunds.notePending(key, refund!, "processing");
    assert.equal(await isDue(), true);
  });

  it("a repayment that is left to a person sleeps on, whatever becomes of disputes, and is named", async () => {
    const key = await captured();
    const refundId = randomUUID();
    await refunds.finish(key, await ask(key, refundId), "re_1");
    await repayments.noteFailed({ ...key, refundId, ref: "re_1" });
    await sql`update payment.refund set retry_at = 'infinity' where payment_id = ${key.paymentId} and repays is not null`;
    const isAsleep = async () => {
      const [row] = await sql<{ isAsleep: boolean }[]>`
        select retry_at = 'infinity' as "isAsleep" from payment.refund
        where payment_id = ${key.paymentId} and repays is not null`;
      return row!.isAsleep;
    };
    assert.deepEqual(await broken(key), ["payment.nothing_refused"]);
    await decide(key, "open");
    assert.deepEqual(await broken(key), []);
    await decide(key, "lost", 1_200);
    assert.deepEqual([await rows(key), await isAsleep()], [["4200 0 0 done", "4200 1200 1 open repays"], true]);
    await decide(key, "won", 1_200);
    assert.deepEqual([await isAsleep(), await broken(key)], [true, ["payment.nothing_refused"]]);
  });

  it("a repayment of which nobody hears any more is stuck, after a minute without an answer or a fortnight on its way", async () => {
    const key = await captured();
    await decide(key, "lost");
    await refunds.finish(key, await ask(key, randomUUID()), "");
    await decide(key, "won");
    const { refund } = await refunds.takeUp(key, (all) => all.find(({ repays }) => repays));
    const age = (by: string) => sql`
      update payment.refund
      set asked_at = asked_at - ${by}::interval, pending_since = pending_since - ${by}::interval,
        retry_at = retry_at - ${by}::interval
      where payment_id = ${key.paymentId}`;
    assert.deepEqual(await broken(key), []);
    await age("2 minutes");
    assert.deepEqual(await broken(key), ["payment.none_stuck"]);
    await refunds.notePending(key, refund!, "processing");
    assert.deepEqual(await broken(key), []);
    await age("15 days");
    await refunds.notePending(key, refund!, "processing");
    assert.deepEqual(await broken(key), ["payment.none_stuck"]);
  });

  it("a repayment is taken up by one replica, until that one has had its time or it comes due anew", async () => {
    const key = await captured();
    const refundId = randomUUID();
    await refunds.finish(key, await ask(key, refundId), "re_1");
    await repayments.noteFailed({ ...key, refundId, ref: "re_1" });
    const take = async (claimMs: number) => {
      const due = await repayments.takeDue({ claimMs, itemsMax: 100 });
      return due.some(({ paymentId }) => paymentId === key.paymentId);
    };
    const dueNow = () => sql`
      update payment.refund set retry_at = clock_timestamp() where payment_id = ${key.paymentId} and repays is not null`;
    await dueNow();
    assert.deepEqual([await take(60_000), await take(60_000), await take(0)], [true, false, true]);
    await dueNow();
    assert.deepEqual([await take(60_000), await take(60_000)], [true, false]);
  });

  it("what an appeal has owed again was refused by nobody", async () => {
    const key = await captured();
    await decide(key, "lost");
    await refunds.finish(key, await ask(key, randomUUID()), "");
    const before = await refusals.count();
    for (const amountMinor of [4_000, 3_000, 2_000, 1_000]) await decide(key, "lost", amountMinor);
    assert.deepEqual(
      (await rows(key)).slice(1),
      [200, 1_000, 1_000, 1_000].map((owed) => `${owed} 0 0 open repays`),
    );
    assert.deepEqual([await refusals.count(), await broken(key)], [before, []]);
  });

  it("whoever writes of a payment's refunds and disputes at once waits for the others, and for nobody in a circle", async () => {
    for (let round = 0; round < 20; round += 1) {
      const key = await captured();
      const ids = [randomUUID(), randomUUID()] as const;
      const first = await ask(key, ids[0], { amountMinor: 2_000, returnedMinor: 2_000 });
      await refunds.finish(key, first, "re_1");
      const second = await ask(key, ids[1]);
      await Promise.all([
        refunds.finish(key, second, "re_2"),
        decide(key, "lost", 3_000),
        repayments.noteFailed({ ...key, refundId: ids[0], ref: "re_1" }),
        refunds.finish(key, second, "re_2"),
        decide(key, "won", 3_000),
      ]);
      assert.deepEqual(await broken(key), []);
    }
  });
});
