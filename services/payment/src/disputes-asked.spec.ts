import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  createHarness,
  inTime,
  newKey,
  orderFor,
  summary,
  until,
  type Client,
  type Harness,
  type Replica,
} from "../test/harness.ts";
import { DisputeStatus } from "./domain/dispute.ts";

type Key = ReturnType<typeof newKey>;

describe("open disputes", () => {
  let harness: Harness;
  let asker: Replica;
  let client: Client;
  before(async () => {
    harness = await createHarness();
    asker = await harness.start({ SEAL_INTERVAL_MS: "20", DISPUTE_INTERVAL_MS: "10" });
    ({ client } = asker);
    for (const itemsMax of ["1", "10"]) {
      await harness.start({ DISPUTE_INTERVAL_MS: "10", DISPUTE_ITEMS_MAX: itemsMax });
    }
    await harness.forwardWebhooks(client);
  });
  after(() => harness.stop());

  /** A captured payment whose dispute is open, and told of. */
  const disputed = async (amount?: number) => {
    const key = newKey();
    await client.authorize(orderFor(key), inTime);
    assert.equal(summary(await client.capture({ key }, inTime)), "CAPTURED");
    harness.sandbox.book.dispute(key.paymentId, "open", amount);
    await until(async () => (await rowOf(key))?.status === DisputeStatus.open);
    return key;
  };
  /** The bank decides, and the webhook of it is lost. */
  const decideUnheard = (keys: readonly Key[], status: "won" | "lost") => {
    harness.sandbox.notices.hold();
    for (const { paymentId } of keys) harness.sandbox.book.dispute(paymentId, status);
    harness.sandbox.notices.release({ isReversed: false, copies: 0 });
  };
  const rowOf = async ({ paymentId }: Key) =>
    (
      await harness.database.sql<{ status: number; isDue: boolean; fault: string | null }[]>`
        select status, ask_at <= now() as "isDue", ask_fault as fault from payment.dispute
        where payment_id = ${paymentId}`
    )[0];
  /** A day goes by without news. */
  const due = (...keys: Key[]) => harness.database.sql`
    update payment.dispute set ask_at = ask_at - interval '1 day'
    where payment_id = any(${keys.map(({ paymentId }) => paymentId)}::uuid[])`;
  const isAsked = (key: Key) => until(async () => (await rowOf(key))?.isDue === false);
  const postings = async ({ paymentId }: Key) =>
    (
      await harness.database.sql<{ line: string }[]>`
        select kind || ' ' || account || ' ' || sum(amount_minor) as line
        from payment.ledger_entry where payment_id = ${paymentId} and kind <> 'capture'
        group by kind, account order by line`
    ).map(({ line }) => line);
  const stateOf = async (key: Key) => {
    const { outcomes } = await client.getPayments({ keys: [key] }, inTime);
    return summary({ outcome: outcomes[0] });
  };
  const broken = async ({ eventId }: Key) => {
    await until(async () => (await client.verifyLedger({}, inTime)).unsealed === 0n);
    const { reports } = await client.checkInvariants({ scope: { eventId } }, inTime);
    return reports.filter(({ violations }) => violations > 0n).map(({ name }) => name);
  };
  const untold = async (cause: string) => {
    const metrics = await (await fetch(`http://127.0.0.1:${asker.adminPort}/metrics`)).text();
    return new RegExp(`^boxoffice_payment_disputes_untold\\{cause="${cause}"\\} (\\d+)$`, "m").exec(metrics)?.[1];
  };
  const paidBack = ({ paymentId }: Key) => harness.sandbox.book.find(paymentId)!.refundedAmount;

  for (const end of ["won", "lost"] as const) {
    it(`that end ${end} without a webhook end their refunds, once, whichever replicas ask`, async () => {
      const keys: Key[] = [];
      for (let each = 0; each < 6; each += 1) {
        const key = await disputed();
        assert.equal(summary(await client.refund({ key, refundId: randomUUID() }, inTime)), "REFUNDING");
        keys.push(key);
      }
      decideUnheard(keys, end);
      for (const key of keys) assert.equal(await stateOf(key), "REFUNDING");
      const { refunds } = harness.sandbox.book.stats;
      await due(...keys);
      for (const key of keys) await until(async () => (await stateOf(key)) === "REFUNDED");
      const taken = ["chargeback chargebacks 4200", "chargeback provider_receivable -4200"];
      for (const key of keys) {
        assert.deepEqual(
          await postings(key),
          end === "lost"
            ? [...taken, "refund chargebacks -4200", "refund ticket_refunds 4200"]
            : [
                ...taken,
                "chargeback_reversal chargebacks -4200",
                "chargeback_reversal provider_receivable 4200",
                "refund provider_receivable -4200",
                "refund ticket_refunds 4200",
              ],
        );
        assert.deepEqual([paidBack(key), await broken(key)], [end === "won" ? 4_200 : 0, []]);
      }
      assert.equal(harness.sandbox.book.stats.refunds - refunds, end === "won" ? 6 : 0);
    });
  }

  it("that stay open are asked about once a day, and nothing changes", async () => {
    const key = await disputed();
    assert.equal((await rowOf(key))?.isDue, false);
    const before = await postings(key);
    // The answer takes this away.
    await harness.database.sql`
      update payment.dispute set ask_fault = 'unanswered' where payment_id = ${key.paymentId}`;
    await due(key);
    await until(async () => (await rowOf(key))?.fault === null);
    assert.deepEqual(await postings(key), before);
    assert.equal((await rowOf(key))?.status, DisputeStatus.open);
    decideUnheard([key], "lost");
    const [{ inHours }] = await harness.database.sql<[{ inHours: number }]>`
      select extract(epoch from ask_at - now()) / 3600 as "inHours" from payment.dispute
      where payment_id = ${key.paymentId}`;
    assert.ok(inHours > 23 && inHours <= 24);
    assert.equal((await rowOf(key))?.status, DisputeStatus.open);
  });

  it("of which a changed amount is told when they are asked about are posted with the difference", async () => {
    const key = await disputed(1_200);
    harness.sandbox.notices.hold();
    harness.sandbox.book.dispute(key.paymentId, "open", 3_000);
    harness.sandbox.notices.release({ isReversed: false, copies: 0 });
    await due(key);
    await until(async () => (await postings(key))[0] === "chargeback chargebacks 3000");
    assert.deepEqual(await broken(key), []);
  });

  it("that their provider does not know are kept, counted and asked about again", async () => {
    const key = await disputed();
    await harness.database.sql`
      update payment.dispute set dispute_ref = 'of another account' where payment_id = ${key.paymentId}`;
    await due(key);
    await until(async () => (await rowOf(key))?.fault === "missing");
    assert.deepEqual([(await rowOf(key))?.status, await untold("missing")], [DisputeStatus.open, "1"]);
    await harness.database.sql`
      update payment.dispute set dispute_ref = ${`dispute.${key.paymentId}`} where payment_id = ${key.paymentId}`;
    await due(key);
    await until(async () => (await rowOf(key))?.fault === null);
    assert.equal(await untold("missing"), "0");
  });

  it("of a provider that does not answer are counted until a webhook tells of them", async () => {
    const key = await disputed();
    await harness.database.sql`update payment.payment set provider = 'gone' where payment_id = ${key.paymentId}`;
    await due(key);
    await until(async () => (await rowOf(key))?.fault === "unanswered");
    assert.equal(await untold("unanswered"), "1");
    const [{ isSoon }] = await harness.database.sql<[{ isSoon: boolean }]>`
      select ask_at < now() + interval '11 minutes' as "isSoon" from payment.dispute where payment_id = ${key.paymentId}`;
    assert.ok(isSoon);
    await harness.database.sql`update payment.payment set provider = 'sandbox' where payment_id = ${key.paymentId}`;
    harness.sandbox.book.dispute(key.paymentId, "won");
    await until(async () => (await rowOf(key))?.status === DisputeStatus.won);
    assert.deepEqual([(await rowOf(key))?.fault, await untold("unanswered")], [null, "0"]);
  });

  it("that were decided are not asked about any more", async () => {
    const [lost, open] = [await disputed(), await disputed()];
    decideUnheard([lost], "lost");
    await due(lost);
    await until(async () => (await rowOf(lost))?.status === DisputeStatus.lost);
    await due(lost, open);
    await isAsked(open);
    assert.equal((await rowOf(lost))?.isDue, true);
  });
});
