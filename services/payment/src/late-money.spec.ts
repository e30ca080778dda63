// Money that comes back or goes away after a refund: refunds that fail later, and disputes that refunds meet.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { createHarness, inTime, newKey, orderFor, summary, until, type Client, type Harness } from "../test/harness.ts";
import type { Replica } from "../test/harness.ts";

type Key = ReturnType<typeof newKey>;

describe("late money", () => {
  let harness: Harness;
  let replica: Replica;
  let client: Client;
  before(async () => {
    harness = await createHarness();
    replica = await harness.start();
    ({ client } = replica);
    await harness.forwardWebhooks(client);
  });
  after(() => harness.stop());

  const captured = async (token = "tok_approve") => {
    const key = newKey();
    await client.authorize(orderFor(key, token), inTime);
    assert.equal(summary(await client.capture({ key }, inTime)), "CAPTURED");
    return key;
  };
  const refund = async (key: Key, refundId: string, part?: [amount: bigint, returned: bigint]) =>
    await client.refund(
      { key, refundId, ...(part && { part: { amountMinor: part[0], returnedMinor: part[1] } }) },
      inTime,
    );
  const put = async (path: string, body: object) => {
    const { status } = await fetch(`${harness.sandbox.url}${path}`, { method: "PUT", body: JSON.stringify(body) });
    assert.equal(status, 200);
  };
  const webhooksAreTaken = () => until(() => harness.sandbox.notices.deliveries.every(({ status }) => status === 200));
  const dispute = async ({ paymentId }: Key, status: string, amount?: number) => {
    await put(`/v1/disputes/${paymentId}`, { status, amount });
    await webhooksAreTaken();
  };
  const fail = async ({ paymentId }: Key) => {
    await put(`/v1/refunds/${paymentId}`, { status: "failed" });
    await webhooksAreTaken();
  };
  /** The postings after the capture, added up by kind and account. */
  const postings = async ({ paymentId }: Key) =>
    (
      await harness.database.sql<{ line: string }[]>`
        select kind || ' ' || account || ' ' || sum(amount_minor) as line
        from payment.ledger_entry where payment_id = ${paymentId} and kind <> 'capture'
        group by kind, account order by line`
    ).map(({ line }) => line);
  const repayments = async ({ paymentId }: Key) =>
    await harness.database.sql<{ amount: number; refusals: number; isDone: boolean }[]>`
      select amount_minor as amount, refusals, finished_at is not null as "isDone"
      from payment.refund where payment_id = ${paymentId} and repays is not null order by created_at`;
  const figures = async ({ eventId }: Key) => {
    const { areas } = await client.getSaleFigures({ eventId }, inTime);
    const { refundsMinor, owedMinor, returnedMinor, chargebacksMinor } = areas[0]!;
    return { refundsMinor, owedMinor, returnedMinor, chargebacksMinor };
  };
  const paidBack = ({ paymentId }: Key) => harness.sandbox.book.find(paymentId)!.refundedAmount;
  const letTimePass = ({ paymentId }: Key) => harness.database.sql`
    update payment.refund set retry_at = retry_at - interval '1 day', taken_at = taken_at - interval '1 day'
    where payment_id = ${paymentId} and finished_at is null`;
  /** Runs the work that nobody calls for until `condition` is true. */
  const work = async (condition: () => Promise<boolean>) => {
    const worker = await harness.start({ RESUME_AFTER_MS: "0", RESUME_INTERVAL_MS: "10" });
    await until(condition);
    await worker.stop();
  };
  const isRepaid = (key: Key) => async () => (await repayments(key)).every(({ isDone }) => isDone);
  const broken = async ({ eventId }: Key) => {
    const { reports } = await client.checkInvariants({ scope: { eventId } }, inTime);
    return reports.filter(({ violations }) => violations > 0n).map(({ name }) => name);
  };
  const full = ["refund provider_receivable -4200", "refund ticket_refunds 4200"];

  describe("a refund that fails after it was done", () => {
    it("is owed again, once, however often it is told of, and its seats stay back", async () => {
      const key = await captured();
      await refund(key, randomUUID());
      harness.sandbox.notices.hold();
      await put(`/v1/refunds/${key.paymentId}`, { status: "failed" });
      harness.sandbox.notices.release({ isReversed: false, copies: 3 });
      await until(async () => (await repayments(key)).length === 1);
      await webhooksAreTaken();
      assert.deepEqual(await postings(key), [
        ...full,
        "refund_reversal provider_receivable 4200",
        "refund_reversal refunds_owed -4200",
      ]);
      assert.deepEqual(await figures(key), {
        ...{ refundsMinor: 0n, owedMinor: 4_200n, returnedMinor: 4_200n, chargebacksMinor: 0n },
      });
      assert.deepEqual(await broken(key), []);
    });

    it("is asked for again later with another key, and posted again, with no caller involved", async () => {
      const key = await captured("tok_refund_fails_after");
      const refundId = randomUUID();
      await refund(key, refundId);
      await until(async () => (await repayments(key)).length === 1);
      assert.equal(paidBack(key), 0);
      await letTimePass(key);
      await work(isRepaid(key));
      assert.equal(paidBack(key), 4_200);
      assert.deepEqual(await postings(key), [
        "refund provider_receivable -8400",
        "refund refunds_owed 4200",
        "refund ticket_refunds 4200",
        "refund_reversal provider_receivable 4200",
        "refund_reversal refunds_owed -4200",
      ]);
      assert.deepEqual(await figures(key), {
        ...{ refundsMinor: 4_200n, owedMinor: 0n, returnedMinor: 4_200n, chargebacksMinor: 0n },
      });
      // Its caller was told that it is done, and that stays so.
      const again = await refund(key, refundId);
      assert.deepEqual([summary(again), again.refund?.finishTime === undefined], ["REFUNDED", false]);
      assert.deepEqual(await broken(key), []);
    });

    it("is owed again, once, where a build that knew of no repayments had noted the failure", async () => {
      const key = await captured();
      await refund(key, randomUUID());
      await harness.database.sql`update payment.refund set failed_at = now() where payment_id = ${key.paymentId}`;
      assert.deepEqual(await broken(key), ["payment.owed_is_repaid"]);
      harness.sandbox.notices.hold();
      await put(`/v1/refunds/${key.paymentId}`, { status: "failed" });
      harness.sandbox.notices.release({ isReversed: false, copies: 3 });
      await until(async () => (await repayments(key)).length > 0);
      await webhooksAreTaken();
      assert.deepEqual([(await repayments(key)).length, await broken(key)], [1, []]);
    });

    it("that fails again and again is asked for more and more seldom, and a person is called", async () => {
      const key = await captured();
      await refund(key, randomUUID(), [2_100n, 2_100n]);
      for (let failures = 1; failures <= 3; failures += 1) {
        assert.deepEqual(await broken(key), []);
        await fail(key);
        const last = (await repayments(key)).at(-1)!;
        assert.deepEqual([last.amount, last.refusals, last.isDone], [2_100, failures, false]);
        if (failures === 3) break;
        await letTimePass(key);
        await work(isRepaid(key));
      }
      assert.deepEqual(await broken(key), ["payment.nothing_refused"]);
      const metrics = await (await fetch(`http://127.0.0.1:${replica.adminPort}/metrics`)).text();
      assert.match(metrics, /boxoffice_payments_refused\{operation="refund"\} [1-9]/);
    });

    it("keeps no other refund of its payment waiting", async () => {
      const key = await captured();
      await refund(key, randomUUID(), [2_100n, 2_100n]);
      await fail(key);
      assert.equal(summary(await refund(key, randomUUID(), [2_100n, 2_100n])), "REFUNDED");
      assert.deepEqual([paidBack(key), await broken(key)], [2_100, []]);
      await letTimePass(key);
      await work(isRepaid(key));
      assert.deepEqual([paidBack(key), await broken(key)], [4_200, []]);
    });

    it("is asked about at once when a webhook tells of its payment while its repayment is on its way", async () => {
      const key = await captured();
      await refund(key, randomUUID());
      await fail(key);
      await harness.database.sql`
        update payment.refund
        set asked_at = now(), pending_since = now(), pending_cause = 'processing', retry_at = now() + interval '1 hour'
        where payment_id = ${key.paymentId} and repays is not null`;
      await dispute(key, "inquiry");
      await until(isRepaid(key));
      assert.deepEqual([paidBack(key), await broken(key)], [4_200, []]);
    });

    it("is named where the provider stops answering about its repayment, however often that is asked for", async () => {
      const key = await captured();
      await refund(key, randomUUID());
      await fail(key);
      await harness.database.sql`
        update payment.refund
        set asked_at = now() - interval '1 hour', pending_since = now() - interval '1 hour', pending_cause = 'processing',
          retry_at = now() - interval '50 seconds'
        where payment_id = ${key.paymentId} and repays is not null`;
      assert.deepEqual(await broken(key), []);
      harness.sandbox.setDown(true);
      await work(async () => {
        const [row] = await harness.database.sql<{ isTaken: boolean }[]>`
          select taken_at is not null as "isTaken" from payment.refund
          where payment_id = ${key.paymentId} and repays is not null`;
        return row!.isTaken;
      });
      harness.sandbox.setDown(false);
      await harness.database.sql`
        update payment.refund set retry_at = retry_at - interval '10 seconds' where payment_id = ${key.paymentId}`;
      assert.deepEqual(await broken(key), ["payment.none_stuck"]);
      await letTimePass(key);
      await work(isRepaid(key));
      assert.deepEqual([paidBack(key), await broken(key)], [4_200, []]);
    });

    it("is told of in the payment's story", async () => {
      const key = await captured();
      const refundId = randomUUID();
      await refund(key, refundId);
      await fail(key);
      const explain = async () => {
        const { stories } = await client.explainPayments({ eventId: key.eventId, paymentIds: [key.paymentId] }, inTime);
        return stories[0]!;
      };
      const { summary: before, entries, next } = await explain();
      assert.match(before, /is REFUNDED: EUR 42\.00 of what was paid back are owed again\.$/);
      assert.match(entries.at(-1)!.text, new RegExp(`^Of refund ${refundId} EUR 42\\.00 came back to us`));
      assert.match(next[0]!, /by itself, until it is made\.$/);
      await letTimePass(key);
      await work(isRepaid(key));
      const after = await explain();
      assert.match(after.summary, /is REFUNDED\.$/);
      assert.equal(StoryKind[after.entries.at(-1)!.kind], "PAYMENT_REFUNDED");
    });
  });

  describe("a refund while the customer's bank has the money", () => {
    it("waits, uses no refusals up, and is no stuck payment", async () => {
      const key = await captured();
      await dispute(key, "open");
      const declines = harness.sandbox.book.stats.declines;
      const refundId = randomUUID();
      for (let times = 0; times < 3; times += 1) assert.equal(summary(await refund(key, refundId)), "REFUNDING");
      await harness.database.sql`
        update payment.payment set updated_at = now() - interval '2 minutes', attempted_at = now() - interval '2 minutes'
        where payment_id = ${key.paymentId}`;
      const other = await captured();
      const part = { amountMinor: 100n, returnedMinor: 0n };
      harness.sandbox.setDown(true);
      await client.refund({ key: other, refundId: randomUUID(), part }, inTime);
      harness.sandbox.setDown(false);
      // The one that may be asked is resumed; the one that waits is left alone.
      await work(async () => paidBack(other) === 100);
      const [row] = await harness.database.sql`
        select f.refusals, f.retry_at, p.attempted_at < now() - interval '1 minute' as "isLeftAlone"
        from payment.refund as f join payment.payment as p using (event_id, payment_id)
        where f.payment_id = ${key.paymentId}`;
      assert.deepEqual([row!["refusals"], row!["retry_at"], row!["isLeftAlone"]], [0, null, true]);
      assert.equal(harness.sandbox.book.stats.declines, declines);
      assert.deepEqual(await broken(key), []);
    });

    it("is told of as pending since then, to be asked about in an hour, until the dispute's end", async () => {
      const key = await captured();
      const pendingTime = async () => {
        const { outcomes } = await client.getPayments({ keys: [key] }, inTime);
        const { value } = outcomes[0]!.outcome;
        return value && "refundPendingTime" in value ? value.refundPendingTime : undefined;
      };
      await dispute(key, "open");
      assert.equal(await pendingTime(), undefined);
      const refundId = randomUUID();
      for (let times = 0; times < 2; times += 1) {
        assert.equal((await refund(key, refundId)).refund?.retryAfter?.seconds, 3_600n);
      }
      assert.ok(await pendingTime());
      await dispute(key, "won");
      assert.deepEqual([(await refund(key, refundId)).refund?.retryAfter, await pendingTime()], [undefined, undefined]);
    });

    it("is asked for at once when the dispute is won", async () => {
      const key = await captured();
      const refundId = randomUUID();
      await dispute(key, "open");
      await refund(key, refundId);
      await dispute(key, "won");
      assert.equal(paidBack(key), 4_200);
      assert.equal(summary(await refund(key, refundId)), "REFUNDED");
      assert.deepEqual(await broken(key), []);
    });

    it("is asked for at once although it was refused, to the end, before the dispute was heard of", async () => {
      const key = await captured();
      const refundId = randomUUID();
      harness.sandbox.notices.hold();
      await put(`/v1/disputes/${key.paymentId}`, { status: "open" });
      await refund(key, refundId);
      await harness.database.sql`
        update payment.refund set refusals = 20, retry_at = 'infinity' where payment_id = ${key.paymentId}`;
      harness.sandbox.notices.release({ isReversed: false, copies: 1 });
      await webhooksAreTaken();
      assert.equal(paidBack(key), 0);
      await dispute(key, "won");
      assert.equal(paidBack(key), 4_200);
    });

    it("is done when the dispute is lost, without a second payment: the chargeback is the refund", async () => {
      const key = await captured();
      const refundId = randomUUID();
      await dispute(key, "open");
      await refund(key, refundId, [4_200n, 4_200n]);
      assert.deepEqual(await figures(key), {
        ...{ refundsMinor: 0n, owedMinor: 0n, returnedMinor: 0n, chargebacksMinor: 4_200n },
      });
      await dispute(key, "lost");
      const answer = await refund(key, refundId, [4_200n, 4_200n]);
      assert.deepEqual([summary(answer), answer.refund?.finishTime === undefined], ["REFUNDED", false]);
      assert.equal(paidBack(key), 0);
      assert.deepEqual(await postings(key), [
        "chargeback chargebacks 4200",
        "chargeback provider_receivable -4200",
        "refund chargebacks -4200",
        "refund ticket_refunds 4200",
      ]);
      assert.deepEqual(await figures(key), {
        ...{ refundsMinor: 4_200n, owedMinor: 0n, returnedMinor: 4_200n, chargebacksMinor: 0n },
      });
      assert.deepEqual(await broken(key), []);
    });

    it("pays only what is beyond a part that was lost", async () => {
      const key = await captured();
      const refundId = randomUUID();
      await dispute(key, "open", 1_200);
      await refund(key, refundId);
      await dispute(key, "lost");
      assert.equal(summary(await refund(key, refundId)), "REFUNDED");
      assert.equal(paidBack(key), 3_000);
      assert.deepEqual(await postings(key), [
        "chargeback chargebacks 1200",
        "chargeback provider_receivable -1200",
        "refund chargebacks -1200",
        "refund provider_receivable -3000",
        "refund ticket_refunds 4200",
      ]);
      assert.deepEqual(await broken(key), []);
    });

    it("that is asked for only after the loss pays nothing either", async () => {
      const key = await captured();
      await dispute(key, "open");
      await dispute(key, "lost");
      assert.equal(summary(await refund(key, randomUUID(), [2_100n, 2_100n])), "CAPTURED");
      assert.equal(summary(await refund(key, randomUUID())), "REFUNDED");
      assert.deepEqual([paidBack(key), (await figures(key)).chargebacksMinor], [0, 0n]);
      assert.deepEqual(await broken(key), []);
    });

    it("that came to nothing since the dispute is won on appeal is owed, and paid", async () => {
      const key = await captured();
      await dispute(key, "open");
      await refund(key, randomUUID());
      await dispute(key, "lost");
      await dispute(key, "won");
      assert.deepEqual(await figures(key), {
        ...{ refundsMinor: 0n, owedMinor: 4_200n, returnedMinor: 4_200n, chargebacksMinor: 0n },
      });
      assert.deepEqual(await broken(key), []);
      await work(isRepaid(key));
      assert.equal(paidBack(key), 4_200);
      assert.deepEqual(await figures(key), {
        ...{ refundsMinor: 4_200n, owedMinor: 0n, returnedMinor: 4_200n, chargebacksMinor: 0n },
      });
      assert.deepEqual(await broken(key), []);
    });

    it("that failed is not paid a second time where the customer got the money through a dispute meanwhile", async () => {
      const key = await captured();
      await refund(key, randomUUID());
      await fail(key);
      await dispute(key, "open");
      await letTimePass(key);
      await dispute(key, "lost");
      await work(isRepaid(key));
      assert.equal(paidBack(key), 0);
      assert.deepEqual(await figures(key), {
        ...{ refundsMinor: 4_200n, owedMinor: 0n, returnedMinor: 4_200n, chargebacksMinor: 0n },
      });
      assert.deepEqual(await broken(key), []);
    });
  });

  it("is sealed with everything else", async () => {
    await until(async () => (await client.verifyLedger({}, inTime)).unsealed === 0n);
    const { done, broken: link } = await client.verifyLedger({ linksMax: 10_000 }, inTime);
    assert.deepEqual([done, link], [true, undefined]);
  });

  it("is looked after by checks that can fail", async () => {
    const key = await captured();
    await refund(key, randomUUID());
    await fail(key);
    const { sql } = harness.database;
    await sql`update payment.refund set amount_minor = 4100 where payment_id = ${key.paymentId} and repays is not null`;
    assert.deepEqual(await broken(key), ["payment.owed_is_repaid"]);
    await sql`delete from payment.refund where payment_id = ${key.paymentId} and repays is not null`;
    assert.deepEqual(await broken(key), ["payment.owed_is_repaid"]);
    const covered = await captured();
    await refund(covered, randomUUID());
    await sql`update payment.refund set covered_minor = 1 where payment_id = ${covered.paymentId}`;
    assert.deepEqual(await broken(covered), ["payment.owed_is_repaid"]);
  });
});
