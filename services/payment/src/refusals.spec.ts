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
  const row = async ({ paymentId }: Key) =>
    (
      await harness.database.sql`
        select refusals, refusal_reason, retry_at::text, refund_ref from payment.payment where payment_id = ${paymentId}`
    )[0]!;
  const letTimePass = ({ paymentId }: Key) => harness.database.sql`
    update payment.payment set retry_at = retry_at - interval '1 day' where payment_id = ${paymentId}`;
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

    it("is made by the resumer when nobody asks", async () => {
      const key = newKey();
      await capture(key, "tok_refund_refused_once");
      assert.equal(await refund(key, randomUUID()), "REFUNDING");
      const resumer = await harness.start({ RESUME_AFTER_MS: "0", RESUME_INTERVAL_MS: "10" });
      await letTimePass(key);
      await until(async () => (await row(key))["refund_ref"] !== null);
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
      const declines = harness.sandbox.book.stats.declines;
      assert.equal(await refund(key, refundId), "REFUNDING");
      assert.equal(harness.sandbox.book.stats.declines, declines);
      // A person has mended what was wrong.
      await harness.database.sql`update payment.payment set retry_at = now() where payment_id = ${key.paymentId}`;
      await refund(key, refundId);
      assert.equal(harness.sandbox.book.stats.declines, declines + 1);
    });
  });

  it("a void that is refused is counted as well", async () => {
    const key = newKey();
    await client.authorize(orderFor(key, "tok_void_refused"), inTime);
    assert.equal(summary(await client.void({ key }, inTime)), "VOIDING");
    assert.equal((await row(key))["refusals"], 1);
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
      await decide(key, "open");
      await decide(key, "lost");
      await statusIs(key, 4);
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
