import assert from "node:assert/strict";
import { createSql, type Sql } from "#shared/sql";
import { createHarness, inTime, newKey, orderFor, until, type Client, type Harness } from "../test/harness.ts";
import { DisputeStatus } from "./domain/dispute.ts";
import { createDisputeStore, type DisputeStore } from "./store-disputes.ts";

describe("disputes of one payment", () => {
  let harness: Harness;
  let client: Client;
  let sql: Sql;
  let store: DisputeStore;
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start({ SEAL_INTERVAL_MS: "20" }));
    sql = createSql({ url: harness.database.urlOf("payment"), poolMax: 2, applicationName: "test" });
    store = createDisputeStore(sql);
  });
  after(async () => {
    await sql.end();
    await harness.stop();
  });

  type Key = ReturnType<typeof newKey>;
  const captured = async () => {
    const key = newKey();
    await client.authorize(orderFor(key), inTime);
    await client.capture({ key }, inTime);
    return key;
  };
  const tell = (key: Key, ref: string, status: keyof typeof DisputeStatus, amountMinor = 4_200) =>
    store.record(key, { ref, status: DisputeStatus[status], amountMinor, currencyCode: "EUR", reason: "fraudulent" });
  const posted = async ({ paymentId }: Key) =>
    (
      await sql<{ line: string }[]>`
        select kind || ' ' || reference || ' ' || amount_minor as line from payment.ledger_entry
        where payment_id = ${paymentId} and account = 'chargebacks' order by line`
    ).map(({ line }) => line);

  it("count for themselves: the chargeback after an inquiry has a posting of its own", async () => {
    const key = await captured();
    assert.equal(await tell(key, "dp_asked", "inquiry"), true);
    assert.equal(await tell(key, "dp_taken", "open"), true);
    assert.deepEqual(await posted(key), ["chargeback dp_taken 4200"]);
    assert.equal(await tell(key, "dp_asked", "lost"), true);
    assert.deepEqual(await posted(key), ["chargeback dp_asked 4200", "chargeback dp_taken 4200"]);
  });

  it("bring back their own money, each once, in whatever order they are told of", async () => {
    const key = await captured();
    await tell(key, "dp_1", "open", 1_000);
    await tell(key, "dp_2", "won", 3_200);
    assert.equal(await tell(key, "dp_1", "won", 1_000), true);
    for (const ref of ["dp_1", "dp_2"]) assert.equal(await tell(key, ref, "lost"), false);
    assert.deepEqual(await posted(key), [
      "chargeback dp_1 1000",
      "chargeback dp_2 3200",
      "chargeback_reversal dp_1 -1000",
      "chargeback_reversal dp_2 -3200",
    ]);
  });

  it("post what an appeal brings back and the difference of an amount that changes, in any order, each once", async () => {
    const key = await captured();
    assert.equal(await tell(key, "dp_1", "lost", 3_000), true);
    // Told late; what is lost stays so until it is won.
    assert.equal(await tell(key, "dp_1", "open", 4_200), false);
    assert.equal(await tell(key, "dp_1", "lost", 4_000), true);
    assert.equal(await tell(key, "dp_1", "lost", 4_000), false);
    assert.equal(await tell(key, "dp_1", "won", 4_000), true);
    for (const status of ["won", "lost", "open", "inquiry"] as const) {
      assert.equal(await tell(key, "dp_1", status, 4_000), false);
    }
    assert.deepEqual(await posted(key), [
      "chargeback dp_1 3000",
      "chargeback dp_1:2 1000",
      "chargeback_reversal dp_1 -4000",
    ]);
  });

  it("are written one after the other, however many tell at once", async () => {
    const key = await captured();
    const tellings = (["inquiry", "open", "lost", "won"] as const).flatMap((status) => [
      tell(key, "dp_1", status),
      tell(key, "dp_1", status),
    ]);
    await Promise.all(tellings);
    assert.deepEqual(await posted(key), ["chargeback dp_1 4200", "chargeback_reversal dp_1 -4200"]);
  });

  it("agree with the ledger one by one, and are sealed with it", async () => {
    const disputesPosted = async () =>
      (await client.checkInvariants({}, inTime)).reports.find(({ name }) => name === "payment.disputes_posted")!;
    await until(async () => (await client.verifyLedger({}, inTime)).unsealed === 0n);
    const { done, broken } = await client.verifyLedger({ linksMax: 1_000 }, inTime);
    assert.deepEqual([done, broken], [true, undefined]);
    assert.deepEqual([(await disputesPosted()).violations, (await disputesPosted()).examined], [0n, 6n]);
    await sql`update payment.dispute set dispute_ref = 'dp_other' where dispute_ref = 'dp_taken'`;
    assert.equal((await disputesPosted()).violations, 2n);
  });
});
