import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import StripeClient from "stripe";
import { inTime, newKey, orderFor, summary } from "../../test/harness.ts";
import { errorOf } from "../../test/stripe-stand-in.ts";
import { secretKey, useStripe } from "../../test/stripe-world.ts";

describe("stripe", () => {
  const stripe = useStripe();
  const { authorize, capture, voidOf, intentOf, intentsOf, refusalsOf } = stripe;

  it("makes an intent that is captured by hand, confirms it, captures it and refunds it, each with a key of its own", async () => {
    const key = newKey();
    const { eventId, paymentId } = key;
    const refundId = randomUUID();
    assert.equal(await authorize(key), "AUTHORIZED");
    assert.equal(await capture(key), "CAPTURED");
    assert.equal(summary(await stripe.client.refund({ key, refundId }, inTime)), "REFUNDED");
    const { id } = intentOf(key);
    assert.deepEqual(
      stripe.standIn.asked.map(({ route, key: sent }) => [
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
    assert.deepEqual(stripe.standIn.asked[0]!.form, {
      ...{ amount: "4200", currency: "eur", capture_method: "manual", "allowed_payment_method_types[0]": "card" },
      ...{ "metadata[event_id]": eventId, "metadata[payment_id]": paymentId },
    });
    assert.deepEqual(stripe.standIn.asked[1]!.form, {
      payment_method: "pm_ok",
      return_url: "https://shop.example/back",
    });
    assert.ok(stripe.standIn.asked.every(({ authorization }) => authorization === `Bearer ${secretKey}`));
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
    assert.equal(summary(await stripe.client.authorize(order, inTime)), "DECLINED other");
    const lost = newKey();
    stripe.standIn.failNext("POST /v1/payment_intents", "hang");
    assert.equal(summary(await stripe.hasty.authorize({ ...order, key: lost }, inTime)), "AUTHORIZING");
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
        stripe.standIn.failNext(route, how, when);
        const first = [await authorize(key, "pm_ok", stripe.hasty)];
        assert.equal(await authorize(key), "AUTHORIZED");
        first.push(await capture(key, stripe.hasty));
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
        stripe.standIn.failNext(route, errorOf(status, {}));
        assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZING", `${route} ${status}`);
        assert.equal(await authorize(key), "AUTHORIZED");
      }
    }
  });

  const fault = errorOf(500, { type: "api_error" });

  it("looks at the intent after a fault, which Stripe would repeat for a day", async () => {
    const key = newKey();
    stripe.standIn.failNext("POST /v1/payment_intents/*/confirm", fault, "after");
    assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZED");
    stripe.standIn.failNext("POST /v1/payment_intents/*/capture", fault, "after");
    assert.equal(await capture(key, stripe.hasty), "CAPTURED");
    const voided = newKey();
    await authorize(voided);
    stripe.standIn.failNext("POST /v1/payment_intents/*/cancel", fault, "after");
    assert.equal(await voidOf(voided, stripe.hasty), "VOIDED");
  });

  it("captures and voids after a fault at which nothing was done", async () => {
    for (const [step, first, end] of [
      [capture, "CAPTURING", "CAPTURED"],
      [voidOf, "VOIDING", "VOIDED"],
    ] as const) {
      const key = newKey();
      await authorize(key);
      stripe.standIn.failNext(`POST /v1/payment_intents/*/${step === capture ? "capture" : "cancel"}`, fault);
      assert.equal(await step(key, stripe.hasty), first);
      assert.equal(await step(key, stripe.hasty), end);
    }
  });

  it("leaves an authorisation open that began with a fault, until it is voided", async () => {
    const key = newKey();
    stripe.standIn.failNext("POST /v1/payment_intents/*/confirm", fault);
    assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZING");
    assert.equal(await authorize(key), "AUTHORIZING");
    assert.equal(await voidOf(key), "VOIDED");
    assert.equal(intentOf(key).status, "canceled");
  });

  it("goes on with another intent when making one met a fault, which Stripe would repeat for a day", async () => {
    for (const when of ["before", "after"] as const) {
      const key = newKey();
      stripe.standIn.failNext("POST /v1/payment_intents", fault, when);
      assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZED");
      assert.equal(await capture(key), "CAPTURED");
      const made = intentsOf(key).map(({ status }) => status);
      assert.deepEqual(made, when === "before" ? ["succeeded"] : ["requires_payment_method", "succeeded"]);
    }
  });

  it("goes on for good with the intent that it wrote down first, whoever makes others", async () => {
    const key = newKey();
    stripe.standIn.failNext("POST /v1/payment_intents", fault);
    stripe.standIn.failNext("POST /v1/payment_intents/*/confirm", "hang");
    assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZING");
    stripe.standIn.forgetKeys();
    assert.equal(await authorize(key), "AUTHORIZED");
    assert.deepEqual(
      intentsOf(key).map(({ status }) => status),
      ["requires_capture"],
    );
  });

  it("confirms one intent of a payment, however many replicas make one at once", async () => {
    const key = newKey();
    for (let times = 0; times < 4; times += 1) stripe.standIn.failNext("POST /v1/payment_intents", fault, "after");
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => authorize(key, "pm_ok", index % 2 ? stripe.client : stripe.hasty)),
    );
    assert.equal(await authorize(key), "AUTHORIZED");
    const confirmed = intentsOf(key).filter(({ status }) => status === "requires_capture");
    assert.equal(confirmed.length, 1);
    const asked = stripe.standIn.asked.map(({ route }) => route).filter((route) => route.endsWith("/confirm"));
    assert.equal(new Set(asked).size, 1);
  });

  it("voids at once what no intent could be made for, and an authorisation that comes late confirms none", async () => {
    const key = newKey();
    for (let times = 0; times < 3; times += 1) stripe.standIn.failNext("POST /v1/payment_intents", fault);
    assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZING");
    assert.equal(await voidOf(key, stripe.hasty), "VOIDED");
    assert.equal(await authorize(key), "VOIDED");
    assert.deepEqual(intentsOf(key), []);
  });

  it("confirms nothing for an authorisation that was voided while its intent was made", async () => {
    const key = newKey();
    const voided = stripe.standIn.whenMade(async () => void (await voidOf(key)));
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
        stripe.standIn.failNext("POST /v1/payment_intents/*/confirm", errorOf(status, error));
        assert.equal(await authorize(newKey(), "pm_ok", stripe.hasty), expected);
      }
    });
  }

  for (const [refusal, expected] of [
    [errorOf(400, { code: "parameter_invalid", param: "amount" }), "DECLINED other"],
    [errorOf(400, { param: "currency" }), "DECLINED currency_not_supported"],
  ] as const) {
    it(`declines what Stripe refuses to make an intent of (${expected}), and has nothing to void then`, async () => {
      stripe.standIn.failNext("POST /v1/payment_intents", refusal);
      assert.equal(await authorize(newKey(), "pm_ok", stripe.hasty), expected);
      const lost = newKey();
      stripe.standIn.failNext("POST /v1/payment_intents", "hang");
      assert.equal(await authorize(lost, "pm_ok", stripe.hasty), "AUTHORIZING");
      stripe.standIn.failNext("POST /v1/payment_intents", refusal);
      assert.equal(await voidOf(lost), "VOIDED");
      assert.equal(await refusalsOf("payment", lost), 0);
    });
  }

  it("keeps an authorisation open when a key is said to be another request's", async () => {
    const key = newKey();
    stripe.standIn.failNext("POST /v1/payment_intents/*/confirm", errorOf(400, { type: "idempotency_error" }));
    assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZING");
  });

  for (const [status, error, expected] of [
    [402, { type: "card_error", code: "card_declined" }, "DECLINED card_declined"],
    [400, { code: "capture_charge_authorization_expired" }, "DECLINED authorization_expired"],
    [400, { code: "amount_too_large" }, "DECLINED other"],
  ] as const) {
    it(`lets the customer's money go when a capture is refused with ${error.code}`, async () => {
      const key = newKey();
      await authorize(key);
      stripe.standIn.failNext("POST /v1/payment_intents/*/capture", errorOf(status, error));
      assert.equal(await capture(key, stripe.hasty), expected);
      assert.equal(intentOf(key).status, "canceled");
    });
  }

  it("does not say that a capture is off while the money can't be let go", async () => {
    const key = newKey();
    await authorize(key);
    stripe.standIn.failNext(
      "POST /v1/payment_intents/*/capture",
      errorOf(402, { type: "card_error", code: "card_declined" }),
    );
    stripe.standIn.failNext("POST /v1/payment_intents/*/cancel", fault);
    assert.equal(await capture(key, stripe.hasty), "CAPTURING");
    assert.equal(intentOf(key).status, "requires_capture");
    assert.equal(await capture(key), "CAPTURED");
  });

  it("takes a refused capture that had been made for one", async () => {
    const key = newKey();
    await authorize(key);
    const refusal = errorOf(400, { code: "charge_already_captured" });
    stripe.standIn.failNext("POST /v1/payment_intents/*/capture", refusal, "after");
    assert.equal(await capture(key, stripe.hasty), "CAPTURED");
  });

  it("counts a refused void, so that a person hears of it", async () => {
    const key = newKey();
    await authorize(key);
    stripe.standIn.failNext("POST /v1/payment_intents/*/cancel", errorOf(400, { code: "status_transition_invalid" }));
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
      assert.equal(summary(await stripe.client.authorize(order, inTime)), `DECLINED ${reason}`);
      assert.deepEqual(stripe.standIn.asked, []);
    });
  }

  it("takes three decimals of which the last is zero", async () => {
    const key = newKey();
    const order = { ...orderFor(key, "pm_ok"), amount: { currencyCode: "KWD", amountMinor: 4_200n } };
    assert.equal(summary(await stripe.client.authorize(order, inTime)), "AUTHORIZED");
    assert.equal(intentOf(key)["amount"], 4_200);
  });

  it("voids an authorisation whose answer was lost, whether it was made or not, and none that comes late revives it", async () => {
    for (const route of ["POST /v1/payment_intents", "POST /v1/payment_intents/*/confirm"]) {
      for (const when of ["before", "after"] as const) {
        const key = newKey();
        stripe.standIn.failNext(route, "hang", when);
        assert.equal(await authorize(key, "pm_ok", stripe.hasty), "AUTHORIZING");
        assert.equal(await voidOf(key), "VOIDED");
        assert.deepEqual(
          intentsOf(key).map(({ status }) => status),
          ["canceled"],
        );
        const library = new StripeClient(secretKey, {
          host: "127.0.0.1",
          port: new URL(stripe.standIn.url).port,
          protocol: "http",
        });
        await assert.rejects(library.paymentIntents.confirm(intentOf(key).id, { payment_method: "pm_ok" }));
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
});
