// Refunds and voids that a provider refuses for good, and chargebacks.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createHarness, inTime, newKey, orderFor, summary, until, type Client, type Harness } from "../test/harness.ts";
import type { Replica } from "../test/harness.ts";

type Key = ReturnType<typeof newKey>;

describe("what goes wrong after the capture", () => {
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

  const capture = async (key: Key, token: string) => {
    await client.authorize(orderFor(key, token), inTime);
    return summary(await client.capture({ key }, inTime));
  };
  const refund = async (key: Key, refundId: string) => summary(await client.refund({ key, refundId }, inTime));
  /** A payment's latest refund. */
  const row = async ({ paymentId }: Key) =>
    (
      await harness.database.sql`
        select refusals, refusal_reason, retry_at::text, provider_ref from payment.refund
        where payment_id = ${paymentId} order by created_at desc`
    )[0]!;
  const letTimePass = ({ paymentId }: Key) => harness.database.sql`
    update payment.refund set retry_at = retry_at - interval '1 day' where payment_id = ${paymentId}`;
  const postings = async ({ paymentId }: Key) =>
    (
      await harness.database.sql<{ line: string }[]>`
        select kind || ' ' || account || ' ' || amount_minor as line
        from payment.ledger_entry where payment_id = ${paymentId} and kind <> 'capture' order by kind, amount_minor desc`
    ).map(({ line }) => line);
  const check = async (name: string) => {
    const { reports } = await client.checkInvariants({}, inTime);
    return reports.find((report) => report.name === name)!;
  };
  const metrics = async () => await (await fetch(`http://127.0.0.1:${replica.adminPort}/metrics`)).text();

  describe("a refund that is refused", () => {
    it("is told of by its payment's story also when nobody asks for it any more", async () => {
      const key = newKey();
      await capture(key, "tok_refund_refused_once");
      await refund(key, randomUUID());
      await harness.database.sql`
        update payment.refund set refusals = 20, retry_at = 'infinity' where payment_id = ${key.paymentId}`;
      const { stories } = await client.explainPayments({ eventId: key.eventId, paymentIds: [key.paymentId] }, inTime);
      assert.match(
        stories[0]!.next[0]!,
        /^Nobody asks for refund .* any more, after 20 refusals: a person has to, see /,
      );
    });

    it("is not asked for again with every call, and is made later, once, with another key", async () => {
      const key = newKey();
      const refundId = randomUUID();
      await capture(key, "tok_refund_refused_once");
      const declines = harness.sandbox.book.stats.declines;
      for (let repeat = 0; repeat < 5; repeat += 1) assert.equal(await refund(key, refundId), "REFUNDING");
      assert.equal(harness.sandbox.book.stats.declines, declines + 1);
      assert.deepEqual([(await row(key))["refusals"], (await row(key))["refusal_reason"]], [1, "other"]);
      await letTimePass(key);
      assert.equal(await refund(key, refundId), "REFUNDED");
      assert.equal(harness.sandbox.book.find(key.paymentId)?.done.refund, 1);
    });

    it("counts for itself: another part of the same payment begins afresh", async () => {
      const key = newKey();
      const ids = [randomUUID(), randomUUID()];
      const part = (index: number) =>
        client.refund({ key, refundId: ids[index]!, part: { amountMinor: 2_100n, returnedMinor: 0n } }, inTime);
      await capture(key, "tok_refund_refused_once");
      assert.equal(summary(await part(0)), "REFUNDING");
      assert.equal(summary(await part(1)), "refused: IN_PROGRESS");
      await letTimePass(key);
      assert.equal(summary(await part(0)), "CAPTURED");
      assert.equal(summary(await part(1)), "REFUNDED");
      assert.equal((await row(key))["refusals"], 0);
      const { done, refundedAmount } = harness.sandbox.book.find(key.paymentId)!;
      assert.deepEqual([done.refund, refundedAmount], [2, 4_200]);
    });

    it("is made by the resumer when nobody asks", async () => {
      const key = newKey();
      await capture(key, "tok_refund_refused_once");
      assert.equal(await refund(key, randomUUID()), "REFUNDING");
      const resumer = await harness.start({ RESUME_AFTER_MS: "0", RESUME_INTERVAL_MS: "10" });
      await letTimePass(key);
      await until(async () => (await row(key))["provider_ref"] !== null);
      await resumer.stop();
    });

    it("again and again is shown to whoever watches, and in the end no longer asked for", async () => {
      const key = newKey();
      const refundId = randomUUID();
      await capture(key, "tok_refund_refused");
      for (let count = 1; count <= 20; count += 1) {
        await refund(key, refundId);
        await letTimePass(key);
      }
      const { refusals, retry_at: retryAt } = await row(key);
      assert.deepEqual([refusals, retryAt], [20, "infinity"]);
      const report = await check("payment.nothing_refused");
      assert.ok(report.examples.includes(key.paymentId) && report.violations >= 1n);
      assert.match(await metrics(), /boxoffice_payments_refused\{operation="refund"\} [1-9]/);
      // It is no news that it waits.
      await harness.database.sql`
        update payment.payment set updated_at = now() - interval '2 minutes' where payment_id = ${key.paymentId}`;
      assert.equal((await check("payment.none_stuck")).violations, 0n);
      const declines = harness.sandbox.book.stats.declines;
      assert.equal(await refund(key, refundId), "REFUNDING");
      assert.equal(harness.sandbox.book.stats.declines, declines);
      // A person has mended what was wrong.
      await harness.database.sql`update payment.refund set retry_at = now() where payment_id = ${key.paymentId}`;
      await refund(key, refundId);
      assert.equal(harness.sandbox.book.stats.declines, declines + 1);
    });
  });

  it("a void that is refused is counted as well", async () => {
    const key = newKey();
    await client.authorize(orderFor(key, "tok_void_refused"), inTime);
    assert.equal(summary(await client.void({ key }, inTime)), "VOIDING");
    const [voided] = await harness.database
      .sql`select refusals from payment.payment where payment_id = ${key.paymentId}`;
    assert.equal(voided!["refusals"], 1);
    assert.match(await metrics(), /boxoffice_payments_refused\{operation="void"\} 1/);
  });

  describe("a chargeback", () => {
    const decide = (key: Key, status: string) =>
      fetch(`${harness.sandbox.url}/v1/disputes/${key.paymentId}`, {
        ...{ method: "PUT", body: JSON.stringify({ status }) },
      });
    const statusIs = async (key: Key, status: number) =>
      await until(
        async () =>
          (
            await harness.database.sql`
            select 1 from payment.dispute where payment_id = ${key.paymentId} and status = ${status}`
          ).length === 1,
      );
    const taken = ["chargeback chargebacks 4200", "chargeback provider_receivable -4200"];

    it("is booked once as a transaction of its own, however often it is told", async () => {
      const key = newKey();
      await capture(key, "tok_chargeback");
      await statusIs(key, 2);
      assert.match(await metrics(), /boxoffice_payment_disputes\{status="open"\} 1/);
      await decide(key, "open");
      await decide(key, "lost");
      await statusIs(key, 4);
      assert.match(await metrics(), /boxoffice_payment_disputes\{status="open"\} 0/);
      assert.deepEqual(await postings(key), taken);
      assert.match(await metrics(), /boxoffice_payment_disputes\{status="lost"\} 1/);
    });

    it("that is won brings the money back, and stays won", async () => {
      const key = newKey();
      await capture(key, "tok_chargeback");
      await statusIs(key, 2);
      await decide(key, "won");
      await statusIs(key, 3);
      await decide(key, "open");
      await decide(key, "lost");
      const last = harness.sandbox.notices.deliveries.at(-1)!;
      await until(() => last.status === 200);
      await statusIs(key, 3);
      assert.deepEqual(await postings(key), [
        ...taken,
        "chargeback_reversal provider_receivable 4200",
        "chargeback_reversal chargebacks -4200",
      ]);
    });

    it("that is only asked about moves no money", async () => {
      const key = newKey();
      await capture(key, "tok_approve");
      await decide(key, "inquiry");
      await statusIs(key, 1);
      assert.deepEqual(await postings(key), []);
    });

    it("leaves the payment captured, and it can't be refunded as well", async () => {
      const key = newKey();
      await capture(key, "tok_chargeback");
      await statusIs(key, 2);
      assert.equal(await refund(key, randomUUID()), "REFUNDING");
      assert.equal(harness.sandbox.book.find(key.paymentId)?.done.refund, 0);
    });

    it("is an expense of its area, beside its refunds, until it is won", async () => {
      const key = newKey();
      const figures = async () => {
        const { areas } = await client.getSaleFigures({ eventId: key.eventId }, inTime);
        const { areaId, revenueMinor, refundsMinor, returnedMinor, feesMinor, chargebacksMinor } = areas[0]!;
        return [areas.length, areaId, revenueMinor, refundsMinor, returnedMinor, feesMinor, chargebacksMinor];
      };
      await capture(key, "tok_approve");
      await client.refund({ key, refundId: randomUUID(), part: { amountMinor: 200n, returnedMinor: 0n } }, inTime);
      await decide(key, "open");
      await statusIs(key, 2);
      assert.deepEqual(await figures(), [1, "stalls", 4_200n, 200n, 0n, 0n, 4_200n]);
      await decide(key, "won");
      await statusIs(key, 3);
      assert.deepEqual(await figures(), [1, "stalls", 4_200n, 200n, 0n, 0n, 0n]);
    });

    it("is sealed with everything else", async () => {
      await until(async () => (await client.verifyLedger({}, inTime)).unsealed === 0n);
      const { done, broken } = await client.verifyLedger({ linksMax: 10_000 }, inTime);
      assert.deepEqual([done, broken], [true, undefined]);
      const [row] = await harness.database.sql<{ count: number }[]>`
        select count(*)::int as count from payment.ledger_link where kind in ('chargeback', 'chargeback_reversal')`;
      assert.ok(row!.count > 0);
    });

    it("keeps the ledger balanced and agrees with it", async () => {
      for (const name of ["payment.disputes_posted", "payment.transactions_balance", "payment.currencies_balance"]) {
        const { violations, examined } = await check(name);
        assert.equal(violations, 0n);
        assert.ok(examined > 0n);
      }
      await harness.database.sql`update payment.dispute set status = 3 where status = 4`;
      assert.ok((await check("payment.disputes_posted")).violations > 0n);
      await harness.database.sql`update payment.dispute set status = 1`;
      assert.ok((await check("payment.disputes_posted")).violations > 0n);
    });
  });
});
