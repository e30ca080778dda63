import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import StripeClient from "stripe";
import {
  createHarness,
  inTime,
  newKey,
  orderFor,
  summary,
  until,
  type Client,
  type Harness,
} from "../../test/harness.ts";
import { errorOf, startStripeStandIn, type StripeStandIn } from "../../test/stripe-stand-in.ts";
import { RefusalReason } from "#stubs";
import { DisputeStatus } from "../domain/dispute.ts";
import { createDisputeStore } from "../store-disputes.ts";

const webhookSecret = "whsec_of_the_tests";
const secretKey = "sk_test_of_the_tests";

describe("stripe", () => {
  let harness: Harness;
  let standIn: StripeStandIn;
  let client: Client;
  let hasty: Client;
  let settings: Record<string, string>;
  before(async () => {
    harness = await createHarness();
    standIn = await startStripeStandIn();
    settings = {
      ...{ PROVIDER: "stripe", STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret },
      ...{ STRIPE_API_BASE: standIn.url, STRIPE_RETURN_URL: "https://shop.example/back" },
    };
    ({ client } = await harness.start(settings));
    ({ client: hasty } = await harness.start({ ...settings, PROVIDER_TRY_MS: "500", PROVIDER_TRIES_MAX: "1" }));
  });
  beforeEach(() => {
    standIn.asked.length = 0;
    standIn.refundStatus = "succeeded";
  });
  after(async () => {
    await harness.stop();
    await standIn.close();
  });

  type Key = ReturnType<typeof newKey>;
  const authorize = async (key: Key, token = "pm_ok", by = client) =>
    summary(await by.authorize(orderFor(key, token), inTime));
  const capture = async (key: Key, by = client) => summary(await by.capture({ key }, inTime));
  const voidOf = async (key: Key, by = client) => summary(await by.void({ key }, inTime));
  const intentOf = ({ paymentId }: Key) =>
    [...standIn.intents.values()].find(({ metadata }) => metadata["payment_id"] === paymentId)!;
  const intentsOf = ({ paymentId }: Key) =>
    [...standIn.intents.values()].filter(({ metadata }) => metadata["payment_id"] === paymentId);
  const refusalsOf = async (table: "payment" | "refund", { paymentId }: Key) => {
    const { sql } = harness.database;
    const [row] = await sql<{ refusals: number }[]>`
      select refusals from ${sql(`payment.${table}`)} where payment_id = ${paymentId}`;
    return row?.refusals;
  };
  const refundsOf = ({ paymentId }: Key) =>
    [...standIn.refunds.values()].filter(
      ({ metadata }) => (metadata as Record<string, unknown>)["payment_id"] === paymentId,
    );

  it("makes an intent that is captured by hand, confirms it, captures it and refunds it, each with a key of its own", async () => {
    const key = newKey();
    const { eventId, paymentId } = key;
    const refundId = randomUUID();
    assert.equal(await authorize(key), "AUTHORIZED");
    assert.equal(await capture(key), "CAPTURED");
    assert.equal(summary(await client.refund({ key, refundId }, inTime)), "REFUNDED");
    const { id } = intentOf(key);
    assert.deepEqual(
      standIn.asked.map(({ route, key: sent }) => [
        route,
        sent?.startsWith("stripe-node") ? "one of the library's" : sent,
      ]),
      [
        ["POST /v1/payment_intents", `${paymentId}:create`],
        [`POST /v1/payment_intents/${id}/confirm`, `${paymentId}:authorize`],
        [`POST /v1/payment_intents/${id}/capture`, "one of the library's"],
        [`GET /v1/refunds?payment_intent=${id}&limit=100`, undefined],
        ["POST /v1/refunds", `${paymentId}:refund:${refundId}`],
      ],
    );
    assert.deepEqual(standIn.asked[0]!.form, {
      ...{ amount: "4200", currency: "eur", capture_method: "manual", "allowed_payment_method_types[0]": "card" },
      ...{ "metadata[event_id]": eventId, "metadata[payment_id]": paymentId },
    });
    assert.deepEqual(standIn.asked[1]!.form, { payment_method: "pm_ok", return_url: "https://shop.example/back" });
    assert.ok(standIn.asked.every(({ authorization }) => authorization === `Bearer ${secretKey}`));
  });

  for (const [token, expected] of [
    ["pm_declined", "DECLINED insufficient_funds"],
    ["pm_missing", "DECLINED invalid_token"],
  ] as const) {
    it(`${token}: ${expected}`, async () => {
      assert.equal(await authorize(newKey(), token), expected);
    });
  }

  it("declines an amount of which Stripe makes no intent, and has nothing to void then", async () => {
    const key = newKey();
    const order = { ...orderFor(key, "pm_ok"), amount: { currencyCode: "EUR", amountMinor: 1n } };
    assert.equal(summary(await client.authorize(order, inTime)), "DECLINED other");
    const lost = newKey();
    standIn.failNext("POST /v1/payment_intents", "hang");
    assert.equal(summary(await hasty.authorize({ ...order, key: lost }, inTime)), "AUTHORIZING");
    assert.equal(await voidOf(lost), "VOIDED");
  });

  it("asks again with the same keys when a call or its answer is lost, and nothing is done twice", async () => {
    for (const how of ["hang", "reset"] as const) {
      for (const [route, when] of [
        ["POST /v1/payment_intents", "after"],
        ["POST /v1/payment_intents/*/confirm", "after"],
        ["POST /v1/payment_intents/*/confirm", "before"],
        ["POST /v1/payment_intents/*/capture", "after"],
        ["POST /v1/payment_intents/*/capture", "before"],
      ] as const) {
        const key = newKey();
        standIn.failNext(route, how, when);
        const first = [await authorize(key, "pm_ok", hasty)];
        assert.equal(await authorize(key), "AUTHORIZED");
        first.push(await capture(key, hasty));
        assert.equal(await capture(key), "CAPTURED");
        // A reset is tried once more by the library itself, with the same key.
        if (how === "hang") assert.ok(first.includes("AUTHORIZING") || first.includes("CAPTURING"), `${route} ${when}`);
        assert.equal(intentsOf(key).length, 1);
        assert.equal(intentOf(key).status, "succeeded");
      }
    }
  });

  it("takes a wrong key, a limit and a conflict for no answer about the payment", async () => {
    for (const status of [401, 403, 409, 429]) {
      for (const route of ["POST /v1/payment_intents", "POST /v1/payment_intents/*/confirm"]) {
        const key = newKey();
        standIn.failNext(route, errorOf(status, {}));
        assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZING", `${route} ${status}`);
        assert.equal(await authorize(key), "AUTHORIZED");
      }
    }
  });

  const fault = errorOf(500, { type: "api_error" });

  it("looks at the intent after a fault, which Stripe would repeat for a day", async () => {
    const key = newKey();
    standIn.failNext("POST /v1/payment_intents/*/confirm", fault, "after");
    assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZED");
    standIn.failNext("POST /v1/payment_intents/*/capture", fault, "after");
    assert.equal(await capture(key, hasty), "CAPTURED");
    const voided = newKey();
    await authorize(voided);
    standIn.failNext("POST /v1/payment_intents/*/cancel", fault, "after");
    assert.equal(await voidOf(voided, hasty), "VOIDED");
  });

  it("captures and voids after a fault at which nothing was done", async () => {
    for (const [step, first, end] of [
      [capture, "CAPTURING", "CAPTURED"],
      [voidOf, "VOIDING", "VOIDED"],
    ] as const) {
      const key = newKey();
      await authorize(key);
      standIn.failNext(`POST /v1/payment_intents/*/${step === capture ? "capture" : "cancel"}`, fault);
      assert.equal(await step(key, hasty), first);
      assert.equal(await step(key, hasty), end);
    }
  });

  it("leaves an authorisation open that began with a fault, until it is voided", async () => {
    const key = newKey();
    standIn.failNext("POST /v1/payment_intents/*/confirm", fault);
    assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZING");
    assert.equal(await authorize(key), "AUTHORIZING");
    assert.equal(await voidOf(key), "VOIDED");
    assert.equal(intentOf(key).status, "canceled");
  });

  it("goes on with another intent when making one met a fault, which Stripe would repeat for a day", async () => {
    for (const when of ["before", "after"] as const) {
      const key = newKey();
      standIn.failNext("POST /v1/payment_intents", fault, when);
      assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZED");
      assert.equal(await capture(key), "CAPTURED");
      const made = intentsOf(key).map(({ status }) => status);
      assert.deepEqual(made, when === "before" ? ["succeeded"] : ["requires_payment_method", "succeeded"]);
    }
  });

  it("goes on for good with the intent that it wrote down first, whoever makes others", async () => {
    const key = newKey();
    standIn.failNext("POST /v1/payment_intents", fault);
    standIn.failNext("POST /v1/payment_intents/*/confirm", "hang");
    assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZING");
    standIn.forgetKeys();
    assert.equal(await authorize(key), "AUTHORIZED");
    assert.deepEqual(
      intentsOf(key).map(({ status }) => status),
      ["requires_capture"],
    );
  });

  it("confirms one intent of a payment, however many replicas make one at once", async () => {
    const key = newKey();
    for (let times = 0; times < 4; times += 1) standIn.failNext("POST /v1/payment_intents", fault, "after");
    await Promise.all(Array.from({ length: 8 }, (_, index) => authorize(key, "pm_ok", index % 2 ? client : hasty)));
    assert.equal(await authorize(key), "AUTHORIZED");
    const confirmed = intentsOf(key).filter(({ status }) => status === "requires_capture");
    assert.equal(confirmed.length, 1);
    const asked = standIn.asked.map(({ route }) => route).filter((route) => route.endsWith("/confirm"));
    assert.equal(new Set(asked).size, 1);
  });

  it("voids at once what no intent could be made for, and an authorisation that comes late confirms none", async () => {
    const key = newKey();
    for (let times = 0; times < 3; times += 1) standIn.failNext("POST /v1/payment_intents", fault);
    assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZING");
    assert.equal(await voidOf(key, hasty), "VOIDED");
    assert.equal(await authorize(key), "VOIDED");
    assert.deepEqual(intentsOf(key), []);
  });

  it("confirms nothing for an authorisation that was voided while its intent was made", async () => {
    const key = newKey();
    const voided = standIn.whenMade(async () => void (await voidOf(key)));
    assert.equal(await authorize(key), "VOIDED");
    await voided;
    assert.deepEqual(
      intentsOf(key).map(({ status }) => status),
      ["canceled"],
    );
  });

  for (const [error, expected] of [
    [{ code: "payment_method_unactivated" }, "DECLINED invalid_token"],
    [{ code: "parameter_invalid_empty" }, "DECLINED other"],
  ] as const) {
    it(`declines an authorisation that Stripe refuses to confirm with ${error.code}`, async () => {
      for (const status of [400, 404]) {
        standIn.failNext("POST /v1/payment_intents/*/confirm", errorOf(status, error));
        assert.equal(await authorize(newKey(), "pm_ok", hasty), expected);
      }
    });
  }

  for (const [refusal, expected] of [
    [errorOf(400, { code: "parameter_invalid", param: "amount" }), "DECLINED other"],
    [errorOf(400, { param: "currency" }), "DECLINED currency_not_supported"],
  ] as const) {
    it(`declines what Stripe refuses to make an intent of (${expected}), and has nothing to void then`, async () => {
      standIn.failNext("POST /v1/payment_intents", refusal);
      assert.equal(await authorize(newKey(), "pm_ok", hasty), expected);
      const lost = newKey();
      standIn.failNext("POST /v1/payment_intents", "hang");
      assert.equal(await authorize(lost, "pm_ok", hasty), "AUTHORIZING");
      standIn.failNext("POST /v1/payment_intents", refusal);
      assert.equal(await voidOf(lost), "VOIDED");
      assert.equal(await refusalsOf("payment", lost), 0);
    });
  }

  it("keeps an authorisation open when a key is said to be another request's", async () => {
    const key = newKey();
    standIn.failNext("POST /v1/payment_intents/*/confirm", errorOf(400, { type: "idempotency_error" }));
    assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZING");
  });

  for (const [status, error, expected] of [
    [402, { type: "card_error", code: "card_declined" }, "DECLINED card_declined"],
    [400, { code: "capture_charge_authorization_expired" }, "DECLINED authorization_expired"],
    [400, { code: "amount_too_large" }, "DECLINED other"],
  ] as const) {
    it(`lets the customer's money go when a capture is refused with ${error.code}`, async () => {
      const key = newKey();
      await authorize(key);
      standIn.failNext("POST /v1/payment_intents/*/capture", errorOf(status, error));
      assert.equal(await capture(key, hasty), expected);
      assert.equal(intentOf(key).status, "canceled");
    });
  }

  it("does not say that a capture is off while the money can't be let go", async () => {
    const key = newKey();
    await authorize(key);
    standIn.failNext("POST /v1/payment_intents/*/capture", errorOf(402, { type: "card_error", code: "card_declined" }));
    standIn.failNext("POST /v1/payment_intents/*/cancel", fault);
    assert.equal(await capture(key, hasty), "CAPTURING");
    assert.equal(intentOf(key).status, "requires_capture");
    assert.equal(await capture(key), "CAPTURED");
  });

  it("takes a refused capture that had been made for one", async () => {
    const key = newKey();
    await authorize(key);
    const refusal = errorOf(400, { code: "charge_already_captured" });
    standIn.failNext("POST /v1/payment_intents/*/capture", refusal, "after");
    assert.equal(await capture(key, hasty), "CAPTURED");
  });

  it("counts a refused void, so that a person hears of it", async () => {
    const key = newKey();
    await authorize(key);
    standIn.failNext("POST /v1/payment_intents/*/cancel", errorOf(400, { code: "status_transition_invalid" }));
    assert.equal(await voidOf(key), "VOIDING");
    assert.equal(await refusalsOf("payment", key), 1);
  });

  for (const [currencyCode, amountMinor, reason] of [
    ["ISK", 4_200n, "currency_not_supported"],
    ["UGX", 4_200n, "currency_not_supported"],
    ["MGA", 4_200n, "currency_not_supported"],
    ["KWD", 4_205n, "other"],
  ] as const) {
    it(`asks Stripe for nothing that it would count otherwise: ${amountMinor} ${currencyCode}`, async () => {
      const order = { ...orderFor(newKey(), "pm_ok"), amount: { currencyCode, amountMinor } };
      assert.equal(summary(await client.authorize(order, inTime)), `DECLINED ${reason}`);
      assert.deepEqual(standIn.asked, []);
    });
  }

  it("takes three decimals of which the last is zero", async () => {
    const key = newKey();
    const order = { ...orderFor(key, "pm_ok"), amount: { currencyCode: "KWD", amountMinor: 4_200n } };
    assert.equal(summary(await client.authorize(order, inTime)), "AUTHORIZED");
    assert.equal(intentOf(key)["amount"], 4_200);
  });

  it("voids an authorisation whose answer was lost, whether it was made or not, and none that comes late revives it", async () => {
    for (const route of ["POST /v1/payment_intents", "POST /v1/payment_intents/*/confirm"]) {
      for (const when of ["before", "after"] as const) {
        const key = newKey();
        standIn.failNext(route, "hang", when);
        assert.equal(await authorize(key, "pm_ok", hasty), "AUTHORIZING");
        assert.equal(await voidOf(key), "VOIDED");
        assert.deepEqual(
          intentsOf(key).map(({ status }) => status),
          ["canceled"],
        );
        const stripe = new StripeClient(secretKey, {
          host: "127.0.0.1",
          port: new URL(standIn.url).port,
          protocol: "http",
        });
        await assert.rejects(stripe.paymentIntents.confirm(intentOf(key).id, { payment_method: "pm_ok" }));
      }
    }
  });

  it("does not void what was captured", async () => {
    const key = newKey();
    await authorize(key);
    intentOf(key).status = "succeeded";
    assert.equal(await voidOf(key), "VOIDING");
  });

  it("learns of an authorisation that ran out when it is captured", async () => {
    const key = newKey();
    await authorize(key);
    Object.assign(intentOf(key), { status: "canceled", cancellation_reason: "automatic" });
    assert.equal(await capture(key), "DECLINED authorization_expired");
  });

  it("leaves a refund that is pending alone for a while, and makes no second one though Stripe forgot the key", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    standIn.refundStatus = "pending";
    const { refund, outcome } = await client.refund({ key, refundId }, inTime);
    assert.equal(summary({ outcome }), "REFUNDING");
    assert.equal(refund?.finishTime, undefined);
    assert.ok(refund?.retryAfter && refund.retryAfter.seconds <= 10n);
    const asked = standIn.asked.length;
    assert.equal(summary(await client.refund({ key, refundId }, inTime)), "REFUNDING");
    assert.equal(standIn.asked.length, asked);
    const [made] = [...standIn.refunds.values()].slice(-1);
    made!.status = "succeeded";
    standIn.forgetKeys();
    await harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${refundId}`;
    const done = await client.refund({ key, refundId }, inTime);
    assert.deepEqual([summary(done), done.refund?.retryAfter], ["REFUNDED", undefined]);
    assert.equal(refundsOf(key).length, 1);
  });

  it("tries a refund that failed after it was pending with another key, later", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    standIn.refundStatus = "pending";
    const ask = async () => {
      await harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${refundId}`;
      return summary(await client.refund({ key, refundId }, inTime));
    };
    await ask();
    const [made] = [...standIn.refunds.values()].slice(-1);
    made!.status = "failed";
    standIn.refundStatus = "succeeded";
    assert.equal(await ask(), "REFUNDING");
    assert.equal(await refusalsOf("refund", key), 1);
    assert.equal(await ask(), "REFUNDED");
    assert.equal(refundsOf(key).length, 2);
  });

  it("refunds in parts, each its own amount, though Stripe forgot the keys", async () => {
    const key = newKey();
    const [first, second] = [randomUUID(), randomUUID()];
    const part = async (refundId: string, amountMinor: bigint) =>
      summary(await client.refund({ key, refundId, part: { amountMinor, returnedMinor: 0n } }, inTime));
    await authorize(key);
    await capture(key);
    standIn.refundStatus = "pending";
    assert.equal(
      summary(await hasty.refund({ key, refundId: first, part: { amountMinor: 1_000n, returnedMinor: 0n } }, inTime)),
      "REFUNDING",
    );
    for (const made of standIn.refunds.values()) made.status = "succeeded";
    standIn.refundStatus = "succeeded";
    standIn.forgetKeys();
    await harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${first}`;
    assert.equal(await part(first, 1_000n), "CAPTURED");
    assert.equal(await part(second, 3_200n), "REFUNDED");
    assert.deepEqual(
      refundsOf(key).map(({ amount }) => amount),
      [1_000, 3_200],
    );
  });

  it("takes a refund of another amount than it asks for as no answer", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    standIn.refundStatus = "pending";
    assert.equal(summary(await client.refund({ key, refundId }, inTime)), "REFUNDING");
    for (const made of refundsOf(key)) Object.assign(made, { amount: 4_100, status: "succeeded" });
    standIn.refundStatus = "succeeded";
    await harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${refundId}`;
    assert.equal(summary(await client.refund({ key, refundId }, inTime)), "REFUNDING");
    assert.deepEqual([refundsOf(key).length, await refusalsOf("refund", key)], [1, 0]);
  });

  it("finds a refund that was made before a fault", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    standIn.failNext("POST /v1/refunds", fault, "after");
    assert.equal(summary(await hasty.refund({ key, refundId }, inTime)), "REFUNDED");
    assert.equal(refundsOf(key).length, 1);
  });

  for (const refusal of [
    fault,
    errorOf(400, { code: "refund_disputed_payment" }),
    errorOf(400, { code: "charge_already_refunded" }),
    errorOf(400, { code: "charge_not_refundable" }),
  ]) {
    const { error } = refusal.body as { error: { code?: string } };
    it(`tries a refund with another key, later, after ${error.code ?? "a fault that made none"}`, async () => {
      const key = newKey();
      const refundId = randomUUID();
      await authorize(key);
      await capture(key);
      standIn.failNext("POST /v1/refunds", refusal);
      assert.equal(summary(await hasty.refund({ key, refundId }, inTime)), "REFUNDING");
      assert.equal(await refusalsOf("refund", key), 1);
      await harness.database.sql`update payment.refund set retry_at = now() where payment_id = ${key.paymentId}`;
      assert.equal(summary(await client.refund({ key, refundId }, inTime)), "REFUNDED");
      assert.deepEqual(
        standIn.asked.filter(({ route }) => route === "POST /v1/refunds").map(({ key: sent }) => sent),
        [`${key.paymentId}:refund:${refundId}`, `${key.paymentId}:refund:${refundId}:2`],
      );
      assert.equal(refundsOf(key).length, 1);
    });
  }

  describe("when somebody has given money back by hand", () => {
    const giveByHand = (key: Key, amount: number, status = "succeeded") => {
      const id = `re_by_hand_${randomUUID()}`;
      standIn.refunds.set(id, { id, payment_intent: intentOf(key).id, amount, metadata: {}, status });
      return id;
    };
    const paid = async () => {
      const key = newKey();
      await authorize(key);
      await capture(key);
      return key;
    };
    const refund = async (key: Key, refundId: string, amountMinor = 4_200n) =>
      summary(await client.refund({ key, refundId, part: { amountMinor, returnedMinor: 0n } }, inTime));
    const rowOf = async (refundId: string) => {
      const [row] = await harness.database.sql`
        select provider_ref, refusals, refusal_reason from payment.refund where refund_id = ${refundId}`;
      return row!;
    };
    const due = (refundId: string) => harness.database.sql`
      update payment.refund set retry_at = now() where refund_id = ${refundId}`;

    it("takes that for its own refund where nothing is left", async () => {
      const key = await paid();
      const refundId = randomUUID();
      const byHand = giveByHand(key, 4_200);
      assert.equal(await refund(key, refundId), "REFUNDED");
      assert.deepEqual([(await rowOf(refundId))["provider_ref"], refundsOf(key)], [byHand, []]);
    });

    it("does so for each of its refunds where there are several", async () => {
      const key = await paid();
      const [ours, first, second] = [randomUUID(), randomUUID(), randomUUID()];
      assert.equal(await refund(key, ours, 1_000n), "CAPTURED");
      const byHand = [giveByHand(key, 200), giveByHand(key, 3_000)];
      assert.equal(await refund(key, first, 2_000n), "CAPTURED");
      assert.equal(await refund(key, second, 1_200n), "REFUNDED");
      assert.ok(byHand.includes(String((await rowOf(first))["provider_ref"])));
      assert.ok(byHand.includes(String((await rowOf(second))["provider_ref"])));
      assert.deepEqual(
        refundsOf(key).map(({ amount }) => amount),
        [1_000],
      );
    });

    it("counts what disputes have lost as gone, for refunds that lost money has paid a part of", async () => {
      const key = await paid();
      const [first, second] = [randomUUID(), randomUUID()];
      const lost = {
        ref: "dp_lost",
        status: DisputeStatus.lost,
        amountMinor: 1_200,
        currencyCode: "EUR",
        reason: "other",
      };
      assert.equal(await createDisputeStore(harness.database.sql).record(key, lost), true);
      const byHand = giveByHand(key, 3_000);
      assert.equal(await refund(key, first, 1_000n), "CAPTURED");
      assert.equal(await refund(key, second, 3_200n), "REFUNDED");
      assert.deepEqual([(await rowOf(second))["provider_ref"], refundsOf(key)], [byHand, []]);
    });

    it("refuses with a reason of its own what is more than is left, until a person has given the rest as well", async () => {
      const key = await paid();
      const refundId = randomUUID();
      giveByHand(key, 1_000);
      assert.equal(await refund(key, refundId), "REFUNDING");
      const { refusals, refusal_reason: reason } = await rowOf(refundId);
      assert.deepEqual([refusals, reason], [1, "exceeds_what_is_left"]);
      giveByHand(key, 3_200);
      await due(refundId);
      assert.equal(await refund(key, refundId), "REFUNDED");
      assert.deepEqual(refundsOf(key), []);
    });

    it("counts none that failed, and waits for one that is pending", async () => {
      const key = await paid();
      const refundId = randomUUID();
      giveByHand(key, 4_200, "failed");
      const pending = giveByHand(key, 4_200, "pending");
      assert.equal(await refund(key, refundId), "REFUNDING");
      assert.equal((await rowOf(refundId))["refusals"], 0);
      standIn.refunds.get(pending)!.status = "succeeded";
      await due(refundId);
      assert.equal(await refund(key, refundId), "REFUNDED");
      assert.equal((await rowOf(refundId))["provider_ref"], pending);
    });
  });

  it("refuses no refund of which it can't be told whether it was made", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    for (const status of [409, 429]) {
      standIn.failNext("POST /v1/refunds", errorOf(status, {}));
      assert.equal(summary(await hasty.refund({ key, refundId }, inTime)), "REFUNDING");
    }
    assert.equal(await refusalsOf("refund", key), 0);
    assert.equal(summary(await client.refund({ key, refundId }, inTime)), "REFUNDED");
  });

  describe("with a bank's page in between", () => {
    const sign = (event: object, options: { secret?: string; ageSeconds?: number } = {}) => {
      const { secret = webhookSecret, ageSeconds = 0 } = options;
      const payload = JSON.stringify(event);
      const timestamp = Math.floor(Date.now() / 1000) - ageSeconds;
      const signature = new StripeClient(secretKey).webhooks.generateTestHeaderString({ payload, secret, timestamp });
      return { provider: "stripe", body: Buffer.from(payload), signature };
    };
    const send = async (...[event, options]: Parameters<typeof sign>) => {
      const { outcome } = await client.handleWebhook(sign(event, options), inTime);
      return outcome.case === "refusal" ? RefusalReason[outcome.value.reason] : outcome.case;
    };
    const eventOf = (type: string, object: unknown, id = `evt_${randomUUID()}`) => ({
      ...{ id, object: "event", type },
      data: { object },
    });
    const read = async (key: Key) => {
      const { outcomes } = await client.getPayments({ keys: [key] }, inTime);
      return summary({ outcome: outcomes[0] });
    };

    it("tells where the buyer has to go, and goes on when a webhook says that they were there", async () => {
      for (const [isProven, end] of [
        [true, "AUTHORIZED"],
        [false, "DECLINED authentication_required"],
      ] as const) {
        const key = newKey();
        const { outcome } = await client.authorize(orderFor(key, "pm_3ds"), inTime);
        const intent = intentOf(key);
        assert.ok(outcome?.outcome.case === "payment");
        assert.equal(outcome.outcome.value.nextActionUrl, `${standIn.url}/bank/${intent.id}`);
        assert.equal(await send(eventOf("payment_intent.requires_action", intent)), "accepted");
        assert.equal(await read(key), "ACTION_REQUIRED");
        standIn.act(intent.id, isProven);
        assert.equal(await send(eventOf("payment_intent.amount_capturable_updated", intent)), "accepted");
        assert.equal(await read(key), end);
      }
    });

    it("declines an action that only Stripe's own client could do", async () => {
      const key = newKey();
      await authorize(key, "pm_3ds");
      intentOf(key)["next_action"] = { type: "use_stripe_sdk", use_stripe_sdk: {} };
      assert.equal(await authorize(key, "pm_3ds"), "DECLINED authentication_required");
    });

    describe("and a dispute", () => {
      /** A captured payment and what tells of its dispute; `moved` are its balance transactions. */
      const disputedPayment = async () => {
        const key = newKey();
        await authorize(key);
        await capture(key);
        const stand = (id: string, status: string, moved: number[], amount = 4_200) => {
          const balance = moved.map((each) => ({ object: "balance_transaction", amount: each }));
          standIn.disputes.set(id, {
            ...{ id, object: "dispute", payment_intent: intentOf(key).id, status, amount, currency: "eur" },
            ...{ reason: "fraudulent", balance_transactions: balance },
          });
        };
        /** A webhook that says something else than what is so by now. */
        const hear = (id: string, type = "charge.dispute.updated") =>
          send(eventOf(type, { ...standIn.disputes.get(id), status: "needs_response", amount: 1 }));
        const disputed = async () =>
          (
            await harness.database.sql<{ line: string }[]>`
              select status || ' ' || amount_minor || ' ' || currency_code as line
              from payment.dispute where payment_id = ${key.paymentId} order by dispute_ref`
          ).map(({ line }) => line);
        const posted = async () =>
          (
            await harness.database.sql<{ line: string }[]>`
              select kind || ' ' || reference || ' ' || amount_minor as line
              from payment.ledger_entry where payment_id = ${key.paymentId} and account = 'chargebacks' order by line`
          ).map(({ line }) => line);
        return { key, stand, hear, disputed, posted };
      };

      it("asks Stripe how it stands, and lets it come again when Stripe does not say", async () => {
        const { stand, hear, disputed } = await disputedPayment();
        stand("dp_1", "needs_response", [-4_200]);
        standIn.failNext("GET /v1/disputes/*", errorOf(500, { type: "api_error" }));
        assert.equal(await hear("dp_1"), "IN_PROGRESS");
        assert.equal(await hear("dp_1"), "accepted");
        assert.deepEqual(await disputed(), ["2 4200 EUR"]);
        stand("dp_1", "won", [-4_200, 4_200]);
        assert.equal(await hear("dp_1", "charge.dispute.closed"), "accepted");
        assert.deepEqual(await disputed(), ["3 4200 EUR"]);
      });

      it("moves no money for an inquiry, and books the chargeback after it under its own id or the same", async () => {
        for (const later of ["dp_2", "dp_3"]) {
          const { stand, hear, disputed, posted } = await disputedPayment();
          for (const status of ["warning_needs_response", "warning_under_review", "warning_closed"]) {
            stand("dp_2", status, []);
            assert.equal(await hear("dp_2", "charge.dispute.created"), "accepted");
            assert.deepEqual([await disputed(), await posted()], [["1 4200 EUR"], []]);
          }
          stand(later, "needs_response", [-4_200]);
          for (let times = 0; times < 2; times += 1) assert.equal(await hear(later), "accepted");
          assert.deepEqual(await posted(), [`chargeback ${later} 4200`]);
          assert.equal((await disputed()).length, later === "dp_2" ? 1 : 2);
        }
      });

      it("books it although a refund of the payment gets no answer, and lets it come again for that one", async () => {
        const { key, stand, hear, disputed, posted } = await disputedPayment();
        standIn.refundStatus = "pending";
        assert.equal(summary(await client.refund({ key, refundId: randomUUID() }, inTime)), "REFUNDING");
        const [made] = refundsOf(key);
        // Another amount than ours is no answer.
        made!["amount"] = 4_100;
        stand("dp_5", "needs_response", [-4_200]);
        assert.equal(await hear("dp_5"), "IN_PROGRESS");
        assert.deepEqual([await disputed(), await posted()], [["2 4200 EUR"], ["chargeback dp_5 4200"]]);
        Object.assign(made!, { amount: 4_200, status: "succeeded" });
        assert.equal(await hear("dp_5"), "accepted");
        assert.equal(await read(key), "REFUNDED");
        assert.deepEqual([await disputed(), await posted()], [["2 4200 EUR"], ["chargeback dp_5 4200"]]);
      });

      it("books what an appeal brings back, and an amount that changes, each once", async () => {
        const { key, stand, hear, disputed, posted } = await disputedPayment();
        const steps: [status: string, moved: number[], amount: number][] = [
          ["needs_response", [-4_200], 4_200],
          ["under_review", [-3_000], 3_000],
          ["lost", [-3_000], 3_000],
          ["appeal_under_review", [-3_000], 3_000],
        ];
        for (const step of steps) {
          stand("dp_4", ...step);
          for (let times = 0; times < 2; times += 1) await hear("dp_4");
        }
        assert.deepEqual(await disputed(), ["4 3000 EUR"]);
        const before = ["chargeback dp_4 4200", "chargeback_reversal dp_4 -1200"];
        assert.deepEqual(await posted(), before);
        // The money is there before the status says so.
        stand("dp_4", "lost", [-3_000, 3_000], 3_000);
        assert.equal(await hear("dp_4", "charge.dispute.funds_reinstated"), "accepted");
        stand("dp_4", "won", [-3_000, 3_000], 3_000);
        assert.equal(await hear("dp_4", "charge.dispute.closed"), "accepted");
        assert.deepEqual(await disputed(), ["3 3000 EUR"]);
        assert.deepEqual(await posted(), [...before, "chargeback_reversal dp_4:2 -3000"]);
        const { reports } = await client.checkInvariants({ scope: { eventId: key.eventId } }, inTime);
        assert.ok(reports.every(({ violations }) => violations === 0n));
      });
    });

    it("hears of a pending refund's end at once, however long it would be left alone", async () => {
      const key = newKey();
      await authorize(key);
      await capture(key);
      standIn.refundStatus = "pending";
      assert.equal(summary(await client.refund({ key, refundId: randomUUID() }, inTime)), "REFUNDING");
      await harness.database.sql`
        update payment.refund set retry_at = now() + interval '1 hour' where payment_id = ${key.paymentId}`;
      const [made] = refundsOf(key);
      const metadata = { event_id: key.eventId, payment_id: key.paymentId };
      assert.equal(await send(eventOf("refund.updated", { ...made, metadata })), "accepted");
      assert.equal(await read(key), "REFUNDING");
      made!.status = "succeeded";
      assert.equal(await send(eventOf("refund.updated", { ...made, metadata })), "accepted");
      assert.equal(await read(key), "REFUNDED");
    });

    describe("and a refund that fails after it was done", () => {
      const repaymentsOf = async ({ paymentId }: Key) =>
        (
          await harness.database.sql<{ id: string }[]>`
            select refund_id as id from payment.refund where payment_id = ${paymentId} and repays is not null`
        ).map(({ id }) => id);
      const refunded = async (amountMinor = 4_200n) => {
        const key = newKey();
        await authorize(key);
        await capture(key);
        const part = { amountMinor, returnedMinor: 0n };
        const { refund } = await client.refund({ key, refundId: randomUUID(), part }, inTime);
        assert.ok(refund?.finishTime);
        const made = [...standIn.refunds.values()].findLast((each) => each["payment_intent"] === intentOf(key).id)!;
        // Stripe's own has the event's id too.
        (made["metadata"] as Record<string, unknown>)["event_id"] = key.eventId;
        return { key, made };
      };

      it("makes it once more, as a refund of its own, however often it hears of the failure", async () => {
        const { key, made } = await refunded();
        made.status = "failed";
        for (const type of ["refund.failed", "refund.updated", "charge.refund.updated"]) {
          assert.equal(await send(eventOf(type, made)), "accepted");
        }
        const [repayment, ...others] = await repaymentsOf(key);
        assert.deepEqual(others, []);
        await harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${repayment!}`;
        const { stop } = await harness.start({ ...settings, RESUME_INTERVAL_MS: "10" });
        await until(async () => refundsOf(key).length === 2);
        await stop();
        assert.deepEqual(
          refundsOf(key).map(({ status, metadata }) => [
            status,
            (metadata as { refund_id: string }).refund_id === repayment,
          ]),
          [
            ["failed", false],
            ["succeeded", true],
          ],
        );
      });

      it("asks a person where money was given by hand since, who says at Stripe which refund that was", async () => {
        const { key, made } = await refunded(1_000n);
        made.status = "failed";
        // Before we heard that ours had failed.
        const byHand = {
          ...{ id: `re_by_hand_${randomUUID()}`, payment_intent: intentOf(key).id, amount: 1_000, metadata: {} },
          ...{ status: "succeeded", created: Math.floor(Date.now() / 1_000) - 60 },
        };
        standIn.refunds.set(byHand.id, byHand);
        await harness.database.sql`
          update payment.refund set finished_at = finished_at - interval '2 minutes' where payment_id = ${key.paymentId}`;
        assert.equal(await send(eventOf("refund.failed", made)), "accepted");
        const [repayment] = await repaymentsOf(key);
        const askUntil = async (isSo: (row: Record<string, unknown>) => boolean) => {
          await harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${repayment!}`;
          const { stop } = await harness.start({ ...settings, RESUME_INTERVAL_MS: "10" });
          await until(async () => {
            const [row] = await harness.database.sql`select * from payment.refund where refund_id = ${repayment!}`;
            return isSo(row!);
          });
          await stop();
        };
        await askUntil(({ refusals, refusal_reason: reason }) => refusals === 2 && reason === "given_by_hand");
        byHand.metadata = { refund_id: repayment };
        await askUntil(({ provider_ref: ref }) => ref === byHand.id);
        assert.deepEqual(
          refundsOf(key).map(({ status }) => status),
          ["failed"],
        );
      });

      it("believes Stripe and not the webhook, and waits where Stripe does not say", async () => {
        const { key, made } = await refunded();
        const told = eventOf("refund.failed", { ...made, status: "failed" });
        standIn.failNext("GET /v1/refunds/*", errorOf(500, { type: "api_error" }));
        assert.equal(await send(told), "IN_PROGRESS");
        assert.equal(await send(told), "accepted");
        assert.deepEqual(await repaymentsOf(key), []);
      });

      it("takes no earlier try that failed for the one that was made", async () => {
        const { key, made } = await refunded();
        const earlier = { ...made, id: "re_900", status: "failed" };
        standIn.refunds.set(earlier.id, earlier);
        assert.equal(await send(eventOf("refund.failed", earlier)), "accepted");
        assert.deepEqual(await repaymentsOf(key), []);
      });
    });

    describe("and a webhook that only Stripe can explain", () => {
      const dispute = {
        ...{ id: "dp_foreign", object: "dispute", payment_intent: null, status: "lost", reason: "general" },
        ...{ amount: 4_200, currency: "eur", balance_transactions: [] },
      };
      const asks = () => standIn.asked.filter(({ route }) => route === "GET /v1/disputes/dp_foreign").length;
      before(() => void standIn.disputes.set(dispute.id, dispute));

      it("asks nothing when it was processed before", async () => {
        const told = eventOf("charge.dispute.closed", dispute);
        for (let times = 0; times < 3; times += 1) assert.equal(await send(told), "accepted");
        assert.equal(asks(), 1);
      });

      it("asks nothing beyond what may run at once", async () => {
        const narrow = await harness.start({ ...settings, PROVIDER_RUNNING_MAX: "1", PROVIDER_WAITING_MAX: "0" });
        const told = sign(eventOf("charge.dispute.closed", dispute));
        const heard = async () => (await narrow.client.handleWebhook(told, inTime)).outcome;
        const meanwhile = standIn.whenMade(async () => {
          const outcome = await heard();
          assert.equal(outcome.case === "refusal" && RefusalReason[outcome.value.reason], "OVERLOADED");
        });
        await authorize(newKey(), "pm_ok", narrow.client);
        await meanwhile;
        assert.equal(asks(), 0);
        assert.equal((await heard()).case, "accepted");
        await narrow.stop();
      });
    });

    it("believes no webhook that is forged, old or senseless", async () => {
      const event = eventOf("payment_intent.succeeded", { object: "payment_intent", metadata: {} });
      assert.equal(await send(event, { secret: "whsec_of_somebody_else" }), "INVALID_ARGUMENT");
      assert.equal(await send(event, { ageSeconds: 330 }), "INVALID_ARGUMENT");
      assert.equal(await send({ id: 7 }), "INVALID_ARGUMENT");
      assert.equal(await send(event, { ageSeconds: 200 }), "accepted");
      const { outcome } = await client.handleWebhook({ ...sign(event), signature: "" }, inTime);
      assert.equal(outcome.case, "refusal");
    });

    it("lets other systems' objects be", async () => {
      for (const object of [{ object: "customer" }, { object: "payment_intent", metadata: { payment_id: "7" } }]) {
        assert.equal(await send(eventOf("any", object)), "accepted");
      }
    });
  });
});
