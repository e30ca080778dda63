// Refunds that the provider has made and not finished: left alone for longer and longer, and stuck only after days.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createHarness, inTime, newKey, orderFor, type Client, type Harness, type Replica } from "../test/harness.ts";
import type { PaymentKey } from "./domain/payment.ts";
import { createRefundStore, type RefundStore } from "./store-refunds.ts";
import { createStore } from "./store.ts";
import { createSql, type Sql } from "#shared/sql";

describe("a refund that is pending", () => {
  let harness: Harness;
  let replica: Replica;
  let client: Client;
  let sql: Sql;
  let refunds: RefundStore;
  before(async () => {
    harness = await createHarness();
    replica = await harness.start();
    ({ client } = replica);
    sql = createSql({ url: harness.database.urlOf("payment"), poolMax: 2, applicationName: "test" });
    refunds = createRefundStore(sql);
  });
  after(async () => {
    await sql.end();
    await harness.stop();
  });

  /** A refund that its provider has found pending once; its payment has stood so for two minutes. */
  const pend = async (): Promise<PaymentKey> => {
    const key = newKey();
    await client.authorize(orderFor(key), inTime);
    await client.capture({ key }, inTime);
    await refunds.begin({ ...key, refundId: randomUUID(), part: undefined });
    await find(key);
    await harness.database.sql`
      update payment.payment
      set updated_at = now() - interval '2 minutes', attempted_at = now() - interval '2 minutes'
      where payment_id = ${key.paymentId}`;
    return key;
  };
  const running = async (key: PaymentKey) =>
    (await refunds.takeUp(key, (all) => all.find(({ finishedAt }) => !finishedAt))).refund!;
  const find = async (key: PaymentKey) => {
    const { refund } = await refunds.notePending(key, await running(key), "processing");
    return refund.retryAfterMs!;
  };
  const age = ({ paymentId }: PaymentKey, by: string) => harness.database.sql`
    update payment.refund
    set pending_since = pending_since - ${by}::interval, retry_at = retry_at - ${by}::interval
    where payment_id = ${paymentId}`;
  const violationsOf = async (name: string, { eventId }: PaymentKey) => {
    const { reports } = await client.checkInvariants({ scope: { eventId } }, inTime);
    return Number(reports.find((report) => report.name === name)!.violations);
  };
  const takenUp = async ({ paymentId }: PaymentKey) => {
    const stale = await createStore(sql).takeStale({ untouchedMs: 1_000, itemsMax: 100 });
    return stale.some((payment) => payment.paymentId === paymentId);
  };
  const isNear = (ms: number, expectedMs: number) =>
    assert.ok(ms <= expectedMs + 5_000 && ms > expectedMs - 5_000, `${ms} instead of ${expectedMs}`);

  it("is asked about after 10 s, then after as long as it has been pending, an hour at most", async () => {
    const key = await pend();
    isNear(await find(key), 10_000);
    await age(key, "40 seconds");
    isNear(await find(key), 40_000);
    await age(key, "20 minutes");
    isNear(await find(key), 1_240_000);
    await age(key, "3 days");
    isNear(await find(key), 3_600_000);
  });

  it("is left alone by the resumer until then", async () => {
    const key = await pend();
    assert.equal(await takenUp(key), false);
    await age(key, "11 seconds");
    assert.equal(await takenUp(key), true);
  });

  it("says since when, until it is done", async () => {
    const key = await pend();
    const read = async () => {
      const { outcomes } = await client.getPayments({ keys: [key] }, inTime);
      const { value } = outcomes[0]!.outcome;
      return value && "refundPendingTime" in value ? value.refundPendingTime : undefined;
    };
    assert.ok(await read());
    await refunds.finish(key, await running(key), "ref");
    assert.equal(await read(), undefined);
  });

  it("is not stuck while the provider says so, within a fortnight", async () => {
    const key = await pend();
    assert.equal(await violationsOf("payment.none_stuck", key), 0);
    await age(key, "13 days");
    await find(key);
    assert.equal(await violationsOf("payment.none_stuck", key), 0);
    await age(key, "1 day");
    await find(key);
    assert.equal(await violationsOf("payment.none_stuck", key), 1);
  });

  it("is stuck when nobody asks about it in time", async () => {
    const key = await pend();
    await age(key, "80 seconds");
    assert.equal(await violationsOf("payment.none_stuck", key), 1);
  });

  it("is no refusal, though earlier tries were refused, until it fails", async () => {
    const key = await pend();
    await harness.database.sql`
      update payment.refund set refusals = 5, refusal_reason = 'other' where payment_id = ${key.paymentId}`;
    assert.equal(await violationsOf("payment.nothing_refused", key), 0);
    assert.equal(await violationsOf("payment.none_stuck", key), 0);
  });

  it("is counted by its cause, for whoever watches", async () => {
    const key = await pend();
    await refunds.notePending(key, await running(key), "insufficient_funds");
    const metrics = await (await fetch(`http://127.0.0.1:${replica.adminPort}/metrics`)).text();
    assert.match(metrics, /boxoffice_payment_refunds_pending\{cause="insufficient_funds"\} 1\n/);
    assert.match(metrics, /boxoffice_payment_refunds_pending\{cause="charge_pending"\} 0\n/);
  });

  it("is told of with its times", async () => {
    const key = await pend();
    const { stories } = await client.explainPayments({ eventId: key.eventId, paymentIds: [key.paymentId] }, inTime);
    const [{ entries, next } = { entries: [], next: [] }] = stories;
    assert.ok(entries.some(({ text }) => / sandbox has had it in work since .* \(processing\)\.$/.test(text)));
    assert.ok(
      next.some((words) => /on its way.*asked again after .* UTC/.test(words)),
      next.join(),
    );
  });
});
