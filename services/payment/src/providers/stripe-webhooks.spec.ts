import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { inTime, newKey, orderFor, summary } from "../../test/harness.ts";
import { useStripe } from "../../test/stripe-world.ts";
import { RefusalReason } from "#stubs";

describe("stripe, with a bank's page in between", () => {
  const stripe = useStripe();
  const { authorize, capture, intentOf, refundsOf, sign, send, eventOf, read } = stripe;

  it("tells where the buyer has to go, and goes on when a webhook says that they were there", async () => {
    for (const [isProven, end] of [
      [true, "AUTHORIZED"],
      [false, "DECLINED authentication_required"],
    ] as const) {
      const key = newKey();
      const { outcome } = await stripe.client.authorize(orderFor(key, "pm_3ds"), inTime);
      const intent = intentOf(key);
      assert.ok(outcome?.outcome.case === "payment");
      assert.equal(outcome.outcome.value.nextActionUrl, `${stripe.standIn.url}/bank/${intent.id}`);
      assert.equal(await send(eventOf("payment_intent.requires_action", intent)), "accepted");
      assert.equal(await read(key), "ACTION_REQUIRED");
      stripe.standIn.act(intent.id, isProven);
      assert.equal(await send(eventOf("payment_intent.amount_capturable_updated", intent)), "accepted");
      assert.equal(await read(key), end);
    }
  });

  it("declines an action that only Stripe's own stripe.client could do", async () => {
    const key = newKey();
    await authorize(key, "pm_3ds");
    intentOf(key)["next_action"] = { type: "use_stripe_sdk", use_stripe_sdk: {} };
    assert.equal(await authorize(key, "pm_3ds"), "DECLINED authentication_required");
  });

  it("hears of a pending refund's end at once, however long it would be left alone", async () => {
    const key = newKey();
    await authorize(key);
    await capture(key);
    stripe.standIn.refundStatus = "pending";
    assert.equal(summary(await stripe.client.refund({ key, refundId: randomUUID() }, inTime)), "REFUNDING");
    await stripe.harness.database.sql`
      update payment.refund set retry_at = now() + interval '1 hour' where payment_id = ${key.paymentId}`;
    const [made] = refundsOf(key);
    const metadata = { event_id: key.eventId, payment_id: key.paymentId };
    assert.equal(await send(eventOf("refund.updated", { ...made, metadata })), "accepted");
    assert.equal(await read(key), "REFUNDING");
    made!.status = "succeeded";
    assert.equal(await send(eventOf("refund.updated", { ...made, metadata })), "accepted");
    assert.equal(await read(key), "REFUNDED");
  });

  describe("and a webhook that only Stripe can explain", () => {
    const dispute = {
      ...{ id: "dp_foreign", object: "dispute", payment_intent: null, status: "lost", reason: "general" },
      ...{ amount: 4_200, currency: "eur", balance_transactions: [] },
    };
    const asks = () => stripe.standIn.asked.filter(({ route }) => route === "GET /v1/disputes/dp_foreign").length;
    before(() => void stripe.standIn.disputes.set(dispute.id, dispute));

    it("asks nothing when it was processed before", async () => {
      const told = eventOf("charge.dispute.closed", dispute);
      for (let times = 0; times < 3; times += 1) assert.equal(await send(told), "accepted");
      assert.equal(asks(), 1);
    });

    it("asks nothing beyond what may run at once", async () => {
      const narrow = await stripe.harness.start({
        ...stripe.settings,
        PROVIDER_RUNNING_MAX: "1",
        PROVIDER_WAITING_MAX: "0",
      });
      const told = sign(eventOf("charge.dispute.closed", dispute));
      const heard = async () => (await narrow.client.handleWebhook(told, inTime)).outcome;
      const meanwhile = stripe.standIn.whenMade(async () => {
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
    const { outcome } = await stripe.client.handleWebhook({ ...sign(event), signature: "" }, inTime);
    assert.equal(outcome.case, "refusal");
  });

  it("lets other systems' objects be", async () => {
    for (const object of [{ object: "customer" }, { object: "payment_intent", metadata: { payment_id: "7" } }]) {
      assert.equal(await send(eventOf("any", object)), "accepted");
    }
  });
});
