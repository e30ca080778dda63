import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { RefusalReason } from "#stubs";
import { createHarness, inTime, newKey, orderFor, summary, until, type Client, type Harness } from "../test/harness.ts";

describe("refunds in parts", () => {
  let harness: Harness;
  let client: Client;
  let other: Client;
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start());
    ({ client: other } = await harness.start());
  });
  after(() => harness.stop());

  type Key = ReturnType<typeof newKey>;
  /** A captured payment of 42.00 EUR. */
  const captured = async (token?: string): Promise<Key> => {
    const key = newKey();
    await client.authorize(orderFor(key, token), inTime);
    assert.equal(summary(await client.capture({ key }, inTime)), "CAPTURED");
    return key;
  };
  const ask = (key: Key, refundId: string, part?: [amount: bigint, returned: bigint], by = client) =>
    by.refund({ key, refundId, ...(part && { part: { amountMinor: part[0], returnedMinor: part[1] } }) }, inTime);
  const refund = async (...args: Parameters<typeof ask>) => summary(await ask(...args));
  const refundedOf = async (key: Key) => {
    const { outcomes } = await client.getPayments({ keys: [key] }, inTime);
    const payment = outcomes[0]!.outcome.value!;
    return "refunded" in payment ? payment.refunded?.amountMinor : undefined;
  };
  const doneBy = ({ paymentId }: Key) => {
    const { done, refundedAmount } = harness.sandbox.book.find(paymentId)!;
    return [done.refund, refundedAmount];
  };
  const postings = async ({ paymentId }: Key, refundId: string) =>
    (
      await harness.database.sql<{ line: string }[]>`
        select account || ' ' || amount_minor as line from payment.ledger_entry
        where payment_id = ${paymentId} and kind = 'refund' and reference = ${refundId} order by account`
    ).map(({ line }) => line);

  it("have an id, a request to the provider and a posting each, and count together", async () => {
    const key = await captured();
    const [seats, sorry, rest] = [randomUUID(), randomUUID(), randomUUID()];
    const first = await ask(key, seats, [2_100n, 2_100n]);
    assert.equal(summary(first), "CAPTURED");
    assert.deepEqual([first.refund?.refundId, first.refund?.amount?.amountMinor], [seats, 2_100n]);
    assert.ok(first.refund?.createTime && first.refund.finishTime);
    assert.equal(await refundedOf(key), 2_100n);
    assert.equal(await refund(key, sorry, [600n, 0n]), "CAPTURED");
    assert.equal(await refund(key, rest), "REFUNDED");
    assert.deepEqual([await refundedOf(key), ...doneBy(key)], [4_200n, 3, 4_200]);
    assert.deepEqual(await postings(key, seats), ["provider_receivable -2100", "ticket_refunds 2100"]);
    assert.deepEqual(await postings(key, sorry), ["provider_receivable -600", "sales_allowances 600"]);
    // What was paid back before without a seat is made up for.
    assert.deepEqual(await postings(key, rest), [
      "provider_receivable -1500",
      "sales_allowances -600",
      "ticket_refunds 2100",
    ]);
  });

  it("answer a repeat with the refund as it is, and refuse its id for anything else", async () => {
    const key = await captured();
    const refundId = randomUUID();
    const first = await ask(key, refundId, [1_000n, 0n]);
    await ask(key, randomUUID(), [500n, 0n]);
    const again = await ask(key, refundId.toUpperCase(), [1_000n, 0n], other);
    assert.deepEqual(again.refund, first.refund);
    assert.equal(await refund(key, refundId, [1_001n, 0n]), "refused: IDEMPOTENCY_KEY_REUSED");
    assert.equal(await refund(key, refundId), "refused: IDEMPOTENCY_KEY_REUSED");
    assert.deepEqual(doneBy(key), [2, 1_500]);
  });

  it("are never more together than was captured", async () => {
    const key = await captured();
    await ask(key, randomUUID(), [4_000n, 0n]);
    const { outcome } = await ask(key, randomUUID(), [201n, 0n]);
    assert.equal(summary({ outcome }), "refused: REFUND_EXCEEDS_PAYMENT");
    const refusal = outcome!.outcome.value!;
    assert.deepEqual("metadata" in refusal && refusal.metadata, { left_minor: "200" });
    assert.equal(await refund(key, randomUUID(), [200n, 0n]), "REFUNDED");
    assert.equal(await refund(key, randomUUID(), [1n, 0n]), "refused: WRONG_STATE");
  });

  it("give seats back although all the money is back, without asking the provider", async () => {
    const key = await captured();
    const refundId = randomUUID();
    await ask(key, randomUUID(), [4_200n, 0n]);
    const { refund: seats, ...response } = await ask(key, refundId, [0n, 4_200n]);
    assert.equal(summary(response), "REFUNDED");
    assert.ok(seats?.finishTime);
    assert.deepEqual(doneBy(key), [1, 4_200]);
    assert.deepEqual(await postings(key, refundId), ["sales_allowances -4200", "ticket_refunds 4200"]);
  });

  it("come one after the other, however many ask at once at two replicas", async () => {
    const key = await captured();
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const waiting = new Set<string>(ids);
    // Each is asked for twice, again and again until it is done or there is no money left.
    const settle = async (refundId: string, by: Client) => {
      for (;;) {
        const { outcome } = await ask(key, refundId, [300n, 0n], by);
        const refusal = outcome?.outcome.case === "refusal" ? outcome.outcome.value.reason : undefined;
        if (refusal !== RefusalReason.IN_PROGRESS) return waiting.delete(refundId);
      }
    };
    await Promise.all(ids.flatMap((refundId) => [settle(refundId, client), settle(refundId, other)]));
    assert.equal(waiting.size, 0);
    assert.deepEqual([await refundedOf(key), ...doneBy(key)], [4_200n, 14, 4_200]);
    const [row] = await harness.database.sql<{ count: number }[]>`
      select count(*)::int as count from payment.ledger_transaction where payment_id = ${key.paymentId} and kind = 'refund'`;
    assert.equal(row!.count, 14);
  });

  it("are refused while another one's answer is unknown, which another replica finishes", async () => {
    const key = await captured();
    const refundId = randomUUID();
    harness.sandbox.setDown(true);
    const open = await ask(key, refundId, [100n, 0n]);
    assert.deepEqual([summary(open), open.refund?.finishTime], ["REFUNDING", undefined]);
    assert.equal(await refund(key, randomUUID(), [100n, 0n]), "refused: IN_PROGRESS");
    harness.sandbox.setDown(false);
    const { stop } = await harness.start({ RESUME_AFTER_MS: "0", RESUME_INTERVAL_MS: "20" });
    await until(async () => (await refundedOf(key)) === 100n);
    await stop();
    assert.equal(await refund(key, refundId, [100n, 0n]), "CAPTURED");
    assert.deepEqual(doneBy(key), [1, 100]);
  });

  it("keep nonsense out whatever the code above them does", async () => {
    const key = await captured();
    await ask(key, randomUUID(), [100n, 0n]);
    const { sql } = harness.database;
    const id = key.paymentId;
    for (const [statement, constraint] of [
      [sql`update payment.payment set refunded_minor = 4201 where payment_id = ${id}`, /refunded_within_captured/],
      [sql`update payment.payment set state = 9 where payment_id = ${id}`, /refunded_is_all/],
      [
        sql`
          insert into payment.refund (event_id, payment_id, refund_id, whole, amount_minor, returned_minor)
          select ${key.eventId}, ${id}, gen_random_uuid(), false, 1, 0 from generate_series(1, 2)`,
        /refund_one_running/,
      ],
      [sql`update payment.refund set finished_at = null where payment_id = ${id}`, /finished_has_ref/],
    ] as const) {
      await assert.rejects(statement, constraint);
    }
  });

  it("keep the promises through all of the above", async () => {
    const { reports } = await client.checkInvariants({}, inTime);
    assert.deepEqual(
      reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => [name, examples]),
      [],
    );
    await until(async () => (await client.verifyLedger({}, inTime)).unsealed === 0n);
    const { done, broken } = await client.verifyLedger({ linksMax: 10_000 }, inTime);
    assert.deepEqual([done, broken], [true, undefined]);
  });
});
