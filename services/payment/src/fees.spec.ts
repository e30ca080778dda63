import assert from "node:assert/strict";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { StoryKind } from "#stubs";
import { createHarness, inTime, newKey, orderFor, summary, until, type Client, type Harness } from "../test/harness.ts";

type Key = ReturnType<typeof newKey>;

describe("fees", () => {
  let harness: Harness;
  let client: Client;
  let adminPort: number;
  before(async () => {
    harness = await createHarness({ fee: { basisPoints: 150, fixedMinor: 25 } });
    ({ client, adminPort } = await harness.start({ SEAL_INTERVAL_MS: "20", FEE_INTERVAL_MS: "10" }));
    await harness.start({ FEE_INTERVAL_MS: "10", FEE_ITEMS_MAX: "1" });
  });
  after(() => harness.stop());

  const capture = async (key: Key, token?: string) => {
    await client.authorize(orderFor(key, token), inTime);
    assert.equal(summary(await client.capture({ key }, inTime)), "CAPTURED");
  };
  const postings = async ({ paymentId }: Key) =>
    (
      await harness.database.sql<{ text: string }[]>`
        select kind || ' ' || account || ' ' || amount_minor || ' ' || currency_code as text
        from payment.ledger_entry where payment_id = ${paymentId}
        order by 1`
    ).map(({ text }) => text);
  const asksOf = async ({ paymentId }: Key) =>
    (
      await harness.database.sql<{ asks: number }[]>`
        select asks from payment.fee_due where payment_id = ${paymentId}`
    )[0]?.asks;
  /** Its next ask comes now, and is the `ask`th. */
  const due = async ({ paymentId }: Key, ask = 1) =>
    void (await harness.database.sql`
      update payment.fee_due set ask_at = now(), asks = ${ask - 1} where payment_id = ${paymentId}`);
  const metric = async () =>
    /^boxoffice_payment_fees_unknown (\d+)$/m.exec(
      await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text(),
    )?.[1];
  const violations = async ({ eventId }: Key) =>
    (await client.checkInvariants({ scope: { eventId } }, inTime)).reports.filter((report) => report.violations > 0n);

  const captured = ["capture provider_receivable 4200 EUR", "capture ticket_sales -4200 EUR"];
  const kept = ["fee provider_fees 88 EUR", "fee provider_receivable -88 EUR"];

  it("are posted with the capture where its answer tells them, once, however often it is asked for", async () => {
    const key = newKey();
    await capture(key);
    await Promise.all(Array.from({ length: 5 }, () => capture(key)));
    assert.deepEqual(await postings(key), [...captured, ...kept]);
    assert.equal(await asksOf(key), undefined);
    assert.deepEqual(await violations(key), []);
  });

  it("are no part of what a refund gives back: the provider keeps them", async () => {
    const key = newKey();
    await capture(key);
    await client.refund({ key, refundId: key.paymentId }, inTime);
    const { areas } = await client.getSaleFigures({ eventId: key.eventId }, inTime);
    assert.deepEqual(
      areas.map(({ revenueMinor, refundsMinor, feesMinor }) => [revenueMinor, refundsMinor, feesMinor]),
      [[4_200n, 4_200n, 88n]],
    );
  });

  it("are learnt later where the capture's answer does not tell them, once, whichever replica asks", async () => {
    const keys = Array.from({ length: 12 }, newKey);
    for (const key of keys) await capture(key, "tok_fee_later");
    assert.deepEqual(await postings(keys[0]!), captured);
    assert.equal(await metric(), "12");
    await Promise.all(keys.map((key) => due(key)));
    await until(async () => (await metric()) === "0");
    for (const key of keys) assert.deepEqual(await postings(key), [...captured, ...kept]);
    await until(async () => {
      const { unsealed, done } = await client.verifyLedger({}, inTime);
      return unsealed === 0n && done;
    });
    assert.deepEqual(await violations(keys[0]!), []);
  });

  it("are learnt of a payment that was refunded meanwhile", async () => {
    const key = newKey();
    await capture(key, "tok_fee_later");
    assert.equal(summary(await client.refund({ key, refundId: key.paymentId }, inTime)), "REFUNDED");
    await due(key);
    await until(async () => (await asksOf(key)) === undefined);
    assert.deepEqual((await postings(key)).slice(2, 4), kept);
  });

  it("hold nothing up while they can't be learnt: asked about again and again, a bounded number of times, then counted", async () => {
    const key = newKey();
    await capture(key, "tok_fee_later");
    harness.sandbox.setDown(true);
    await due(key);
    await until(async () => (await asksOf(key)) === 1);
    await due(key, 12);
    await until(async () => (await asksOf(key)) === 12);
    const [row] = await harness.database.sql<{ never: boolean }[]>`
      select ask_at = 'infinity' as never from payment.fee_due where payment_id = ${key.paymentId}`;
    assert.equal(row?.never, true);
    assert.equal(await metric(), "1");
    assert.deepEqual([await postings(key), await violations(key)], [captured, []]);
    // An ask is counted before it is made: the last one may be on its way until here.
    harness.sandbox.setDown(false);
    await due(key);
    await until(async () => (await asksOf(key)) === undefined);
    assert.deepEqual(await postings(key), [...captured, ...kept]);
  });

  it("are told of in the payment's story, behind the capture, also where they came with it", async () => {
    const key = newKey();
    await capture(key);
    const { stories } = await client.explainPayments({ eventId: key.eventId, paymentIds: [key.paymentId] }, inTime);
    const [before, told] = stories[0]!.entries.slice(-2);
    assert.equal(before?.kind, StoryKind.PAYMENT_CAPTURED);
    assert.deepEqual(
      [told?.kind, told?.text],
      [StoryKind.PAYMENT_FEE_POSTED, "sandbox kept EUR 0.88 as its fee, and it was posted to the ledger."],
    );
    assert.ok(timestampMs(told!.time!) >= timestampMs(before!.time!));
  });

  it("are one of a payment by the database's own word", async () => {
    const key = newKey();
    await capture(key);
    for (const reference of ["", "another"]) {
      await assert.rejects(
        harness.database.sql`
          insert into payment.ledger_transaction (event_id, payment_id, kind, reference)
          values (${key.eventId}, ${key.paymentId}, 'fee', ${reference})`,
        reference === "" ? /duplicate key/ : /fee_has_no_reference/,
      );
    }
  });

  it("are found out where nothing was captured, or where they are still to be asked for", async () => {
    const [uncaptured, waiting] = [newKey(), newKey()];
    await client.authorize(orderFor(uncaptured), inTime);
    await capture(waiting, "tok_fee_later");
    for (const key of [uncaptured, waiting]) {
      assert.deepEqual(await violations(key), []);
      await harness.database.sql.begin(async (tx) => {
        const posted = { event_id: key.eventId, payment_id: key.paymentId, kind: "fee" };
        await tx`insert into payment.ledger_transaction ${tx(posted)}`;
        await tx`
          insert into payment.ledger_entry ${tx([
            { ...posted, account: "provider_fees", currency_code: "EUR", amount_minor: 88 },
            { ...posted, account: "provider_receivable", currency_code: "EUR", amount_minor: -88 },
          ])}`;
      });
      assert.deepEqual(
        (await violations(key)).map(({ name, examples }) => [name, examples]),
        [["payment.fees_of_captures", [key.paymentId]]],
      );
    }
    // What was posted meanwhile, by whomever, is not posted again.
    await due(waiting);
    await until(async () => (await asksOf(waiting)) === undefined);
    assert.deepEqual(await postings(waiting), [...captured, ...kept]);
  });

  it("post nothing where nothing was kept", async () => {
    const free = newKey();
    await client.authorize({ ...orderFor(free), amount: { currencyCode: "EUR", amountMinor: 0n } }, inTime);
    await client.capture({ key: free }, inTime);
    assert.deepEqual(await postings(free), ["capture provider_receivable 0 EUR", "capture ticket_sales 0 EUR"]);
    assert.equal(await asksOf(free), undefined);
  });
});
