import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { StoryKind, type Story } from "#stubs";
import { createHarness, inTime, newKey, orderFor, type Client, type Harness } from "../test/harness.ts";

const kindsOf = ({ entries }: Story) => entries.map(({ kind }) => StoryKind[kind]);

describe("explaining payments", () => {
  let harness: Harness;
  let client: Client;
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start({ PROVIDER_TRY_MS: "1000", PROVIDER_TRIES_MAX: "1" }));
  });
  after(() => harness.stop());

  type Key = ReturnType<typeof newKey>;
  const explain = async ({ eventId, paymentId }: Key) =>
    (await client.explainPayments({ eventId, paymentIds: [paymentId.toUpperCase()] }, inTime)).stories[0]!;
  const authorized = async (token?: string) => {
    const key = newKey();
    await client.authorize(orderFor(key, token), inTime);
    return key;
  };

  it("tells what was asked of the provider and what it answered, with the ledger's times", async () => {
    const key = await authorized();
    assert.deepEqual(kindsOf(await explain(key)), ["PAYMENT_REQUESTED", "PAYMENT_AUTHORIZED"]);
    await client.capture({ key }, inTime);
    const refundId = randomUUID();
    await client.refund({ key, refundId }, inTime);
    const { id, summary, entries, next, gaps } = await explain(key);
    assert.deepEqual([id, summary], [key.paymentId, `Payment ${key.paymentId} is REFUNDED.`]);
    assert.deepEqual(
      entries.map(({ kind, text }) => [StoryKind[kind], text]),
      [
        ["PAYMENT_REQUESTED", "The intent to authorise EUR 42.00 was written, before sandbox was asked."],
        ["PAYMENT_AUTHORIZED", "sandbox authorised EUR 42.00."],
        ["PAYMENT_CAPTURED", "sandbox captured EUR 42.00, and it was posted to the ledger."],
        [
          "PAYMENT_REFUNDING",
          "The intent to refund all that was left, EUR 42.00, for places worth EUR 42.00, was written, before sandbox was asked.",
        ],
        ["PAYMENT_REFUNDED", "sandbox refunded EUR 42.00, and it was posted to the ledger."],
      ],
    );
    const times = entries.map(({ time }) => timestampMs(time!));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    const ids = { payment_id: key.paymentId, reservation_id: key.paymentId };
    assert.deepEqual(entries[0]!.ids, ids);
    assert.deepEqual(entries[4]!.ids, { ...ids, refund_id: refundId });
    assert.deepEqual([next, gaps], [[], []]);
  });

  it("tells each refund of a payment by its own id, with what it paid back and what came back with it", async () => {
    const key = await authorized();
    await client.capture({ key }, inTime);
    const [tickets, amount, last] = [randomUUID(), randomUUID(), randomUUID()];
    await client.refund({ key, refundId: tickets, part: { amountMinor: 2_000n, returnedMinor: 2_000n } }, inTime);
    await client.refund({ key, refundId: amount, part: { amountMinor: 2_200n, returnedMinor: 0n } }, inTime);
    await client.refund({ key, refundId: last, part: { amountMinor: 0n, returnedMinor: 2_200n } }, inTime);
    const { summary, entries } = await explain(key);
    assert.equal(summary, `Payment ${key.paymentId} is REFUNDED.`);
    assert.deepEqual(
      entries.slice(3).map(({ kind, text, ids }) => [StoryKind[kind], ids["refund_id"], text]),
      [
        [
          "PAYMENT_REFUNDING",
          tickets,
          "The intent to refund EUR 20.00, for places worth EUR 20.00, was written, before sandbox was asked.",
        ],
        ["PAYMENT_REFUNDED", tickets, "sandbox refunded EUR 20.00, and it was posted to the ledger."],
        [
          "PAYMENT_REFUNDING",
          amount,
          "The intent to refund EUR 22.00, for which no place comes back, was written, before sandbox was asked.",
        ],
        ["PAYMENT_REFUNDED", amount, "sandbox refunded EUR 22.00, and it was posted to the ledger."],
        [
          "PAYMENT_REFUNDING",
          last,
          "The intent to refund EUR 0.00, for places worth EUR 22.00, was written: earlier refunds paid that back, and nobody is asked.",
        ],
        ["PAYMENT_REFUNDED", last, "That the places came back was posted to the ledger."],
      ],
    );
  });

  it("says how much of a payment is paid back, and what becomes of the refund that runs", async () => {
    const key = await authorized();
    await client.capture({ key }, inTime);
    const [done, running] = [randomUUID(), randomUUID()];
    const part = { amountMinor: 1_000n, returnedMinor: 1_000n };
    await client.refund({ key, refundId: done, part }, inTime);
    harness.sandbox.setDown(true);
    await client.refund({ key, refundId: running, part }, inTime);
    harness.sandbox.setDown(false);
    const { summary, entries, next } = await explain(key);
    assert.equal(summary, `Payment ${key.paymentId} is REFUNDING: EUR 10.00 of EUR 42.00 are paid back.`);
    assert.deepEqual(kindsOf({ entries } as Story).slice(3), [
      "PAYMENT_REFUNDING",
      "PAYMENT_REFUNDED",
      "PAYMENT_REFUNDING",
    ]);
    assert.match(entries.at(-1)!.text, /Its answer is not known\.$/);
    assert.match(next[0]!, /is REFUNDING: whoever needs it asks again/);
    assert.equal(next[1], `Refund ${running} is posted to the ledger as soon as its answer is known.`);
  });

  it("says of a refund that was refused too often that nobody asks by itself any more", async () => {
    const key = await authorized();
    await client.capture({ key }, inTime);
    const refundId = randomUUID();
    harness.sandbox.setDown(true);
    await client.refund({ key, refundId }, inTime);
    harness.sandbox.setDown(false);
    await harness.database.sql`
      update payment.refund set refusals = 20, refusal_reason = 'other', retry_at = 'infinity'
      where payment_id = ${key.paymentId}`;
    assert.deepEqual((await explain(key)).next, [
      `Nobody asks for refund ${refundId} any more, after 20 refusals: a person has to, see docs/operations.md.`,
    ]);
  });

  it("tells of refusals and of what was given back", async () => {
    const [declined, voided, buried] = [await authorized("tok_decline"), await authorized(), newKey()];
    const captureDeclined = await authorized("tok_capture_declined");
    await client.void({ key: voided }, inTime);
    await client.void({ key: buried }, inTime);
    await client.capture({ key: captureDeclined }, inTime);
    const told = await explain(declined);
    assert.deepEqual(kindsOf(told), ["PAYMENT_REQUESTED", "PAYMENT_DECLINED"]);
    assert.equal(told.entries[1]!.text, "sandbox declined: card_declined.");
    assert.deepEqual(kindsOf(await explain(voided)), ["PAYMENT_REQUESTED", "PAYMENT_AUTHORIZED", "PAYMENT_VOIDED"]);
    assert.deepEqual(kindsOf(await explain(buried)), ["PAYMENT_VOIDED"]);
    assert.deepEqual(kindsOf(await explain(captureDeclined)), [
      "PAYMENT_REQUESTED",
      "PAYMENT_AUTHORIZED",
      "PAYMENT_DECLINED",
    ]);
  });

  it("says of a payment whose answer is not known who asks again and when", async () => {
    const key = newKey();
    const capturing = await authorized();
    const refunding = await authorized();
    await client.capture({ key: refunding }, inTime);
    const voiding = await authorized();
    harness.sandbox.setDown(true);
    await client.authorize(orderFor(key), inTime);
    await client.capture({ key: capturing }, inTime);
    await client.refund({ key: refunding, refundId: randomUUID() }, inTime);
    await client.void({ key: voiding }, inTime);
    harness.sandbox.setDown(false);
    const { next, entries } = await explain(key);
    assert.match(next[0]!, /is AUTHORIZING: whoever needs it asks again, and after .* UTC payment does by itself\.$/);
    assert.equal(entries.length, 1);
    for (const [of, kind] of [
      [capturing, "PAYMENT_CAPTURING"],
      [refunding, "PAYMENT_REFUNDING"],
      [voiding, "PAYMENT_VOIDING"],
    ] as const) {
      assert.equal(kindsOf(await explain(of)).at(-1), kind);
    }
  });

  it("gives neither tokens nor the provider's references away", async () => {
    const key = newKey();
    harness.sandbox.setDown(true);
    await client.authorize(orderFor(key, "tok_secret"), inTime);
    harness.sandbox.setDown(false);
    const paid = await authorized();
    const [row] = await harness.database.sql<{ ref: string }[]>`
      select authorization_ref as ref from payment.payment where payment_id = ${paid.paymentId}`;
    const texts = [await explain(key), await explain(paid)].flatMap(({ entries }) =>
      entries.flatMap(({ text, ids }) => [text, ...Object.values(ids)]),
    );
    assert.ok(texts.every((text) => !text.includes("secret") && !text.includes(row!.ref)));
  });

  it("says plainly what was not kept yet, and leaves unknown payments out", async () => {
    const key = await authorized();
    await harness.database.sql`update payment.payment set authorized_at = null where payment_id = ${key.paymentId}`;
    const { entries, gaps } = await explain(key);
    assert.equal(entries[1]!.time, undefined);
    assert.match(gaps[0]!, /^The time of PAYMENT_AUTHORIZED is not kept/);
    const { stories } = await client.explainPayments({ eventId: key.eventId, paymentIds: [randomUUID()] }, inTime);
    assert.deepEqual(stories, []);
  });
});
