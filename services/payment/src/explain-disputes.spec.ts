import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { StoryKind } from "#stubs";
import { createHarness, inTime, newKey, orderFor, summary, until, type Client, type Harness } from "../test/harness.ts";

type Key = ReturnType<typeof newKey>;

describe("explaining disputes", () => {
  let harness: Harness;
  let client: Client;
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start());
    await harness.forwardWebhooks(client);
  });
  after(() => harness.stop());

  const captured = async () => {
    const key = newKey();
    await client.authorize(orderFor(key), inTime);
    assert.equal(summary(await client.capture({ key }, inTime)), "CAPTURED");
    return key;
  };
  const dispute = async ({ paymentId }: Key, status: string, amount?: number) => {
    const body = JSON.stringify({ status, amount });
    const url = `${harness.sandbox.url}/v1/disputes/${paymentId}`;
    assert.equal((await fetch(url, { method: "PUT", body })).status, 200);
    await until(() => harness.sandbox.notices.deliveries.every((delivery) => delivery.status === 200));
  };
  /** What came after the capture, in the story's order, whose times are checked. */
  const explain = async ({ eventId, paymentId }: Key) => {
    const { stories } = await client.explainPayments({ eventId, paymentIds: [paymentId] }, inTime);
    const { entries, next, gaps } = stories[0]!;
    const times = entries.map(({ time }) => timestampMs(time!));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.deepEqual(gaps, []);
    const later = entries.slice(entries.findIndex(({ kind }) => kind === StoryKind.PAYMENT_CAPTURED) + 1);
    return { next, told: later.map(({ kind, text }) => [StoryKind[kind], text]) };
  };
  const opened = [
    ["PAYMENT_DISPUTED", "sandbox told of a dispute: the customer's bank wants EUR 42.00 back (fraudulent)."],
    ["PAYMENT_CHARGED_BACK", "For the dispute EUR 42.00 was withdrawn, and it was posted to the ledger."],
  ];

  it("tells that money was withdrawn, and who decides", async () => {
    const key = await captured();
    await dispute(key, "open");
    const { told, next } = await explain(key);
    assert.deepEqual(told, opened);
    assert.deepEqual(next, [
      "The dispute is open: a person answers it at sandbox, which says when the bank has decided.",
    ]);
  });

  for (const [status, ends] of [
    ["lost", [["PAYMENT_DISPUTE_DECIDED", "The dispute was lost: the money is the customer's."]]],
    [
      "won",
      [
        ["PAYMENT_DISPUTE_DECIDED", "The dispute was won: the money is ours."],
        ["PAYMENT_CHARGEBACK_RETURNED", "EUR 42.00 of the dispute came back, and it was posted to the ledger."],
      ],
    ],
  ] as const) {
    it(`tells that one was ${status}, also when it was heard of only then`, async () => {
      const [key, late] = [await captured(), await captured()];
      await dispute(key, "open");
      for (const each of [key, late]) {
        await dispute(each, status);
        assert.deepEqual(await explain(each), { told: [...opened, ...ends], next: [] });
      }
    });
  }

  it("tells of an inquiry, and of a chargeback's changes", async () => {
    const [asked, changed] = [await captured(), await captured()];
    await dispute(asked, "inquiry");
    assert.deepEqual(await explain(asked), {
      told: [
        [
          "PAYMENT_DISPUTED",
          "sandbox told of a dispute, an inquiry: the customer's bank asks about EUR 42.00 (fraudulent), and no money moves.",
        ],
      ],
      next: [],
    });
    await dispute(changed, "open", 3_000);
    await dispute(changed, "open", 4_200);
    await dispute(changed, "open", 4_000);
    const texts = (await explain(changed)).told.map(([, text]) => text);
    assert.deepEqual(texts, [
      "sandbox told of a dispute: the customer's bank wants EUR 30.00 back (fraudulent).",
      "For the dispute EUR 30.00 was withdrawn, and it was posted to the ledger.",
      "For the dispute EUR 12.00 more was withdrawn, and it was posted to the ledger.",
      "EUR 2.00 of the dispute came back, and it was posted to the ledger.",
    ]);
  });

  it("says of a refund that it waits for the dispute, and what becomes of it", async () => {
    const key = await captured();
    await dispute(key, "open");
    const refundId = randomUUID();
    await client.refund({ key, refundId }, inTime);
    const waiting = await explain(key);
    assert.match(waiting.told.at(-1)![1]!, / The customer's bank has the money: asked when the dispute is decided\.$/);
    assert.deepEqual(waiting.next.slice(0, 1), [
      `Refund ${refundId} waits: the customer's bank has the money. Won, the provider is asked at once; lost, the chargeback is the refund.`,
    ]);
    assert.equal(waiting.next.length, 2);
    await dispute(key, "lost");
    const { told, next } = await explain(key);
    assert.deepEqual(
      told.map(([kind]) => kind),
      [
        ...["PAYMENT_DISPUTED", "PAYMENT_CHARGED_BACK", "PAYMENT_REFUNDING"],
        ...["PAYMENT_DISPUTE_DECIDED", "PAYMENT_REFUNDED"],
      ],
    );
    assert.deepEqual(next, []);
  });

  it("says of a refund that a dispute had paid in part that it did, also after the dispute was won on appeal", async () => {
    const key = await captured();
    await dispute(key, "open", 1_200);
    await client.refund({ key, refundId: randomUUID() }, inTime);
    await dispute(key, "lost");
    const refunded = async () => {
      const { told } = await explain(key);
      return told.find(([kind]) => kind === "PAYMENT_REFUNDED")![1];
    };
    const text =
      "sandbox refunded EUR 30.00, EUR 12.00 had gone back through a dispute that was lost, and it was posted to the ledger.";
    assert.equal(await refunded(), text);
    await dispute(key, "won");
    assert.equal(await refunded(), text);
    const { told, next } = await explain(key);
    assert.match(told.at(-1)![1]!, /^Of refund .* EUR 12\.00 came back to us: .* won on appeal\./);
    assert.match(next[0]!, /by itself, until it is made\.$/);
  });

  it("tells two disputes of one payment apart, and gives neither's reference away", async () => {
    const key = await captured();
    await dispute(key, "open", 1_000);
    await harness.database.sql`
      insert into payment.dispute (event_id, payment_id, dispute_ref, status, amount_minor, currency_code, reason)
      values (${key.eventId}, ${key.paymentId}, 'dp_secret', 1, 4200, 'EUR', 'general')`;
    const { told } = await explain(key);
    assert.deepEqual(
      told.map(([, text]) => /^For dispute 1 EUR|told of dispute [12]/.exec(text!)?.[0]),
      ["told of dispute 1", "For dispute 1 EUR", "told of dispute 2"],
    );
    assert.ok(!JSON.stringify(told).includes("secret"));
  });
});
