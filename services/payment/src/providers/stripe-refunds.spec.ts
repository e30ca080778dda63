import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { inTime, newKey, summary } from "../../test/harness.ts";
import { errorOf } from "../../test/stripe-stand-in.ts";
import { useStripe, type Key } from "../../test/stripe-world.ts";
import { DisputeStatus } from "../domain/dispute.ts";
import { createDisputeStore } from "../store-disputes.ts";

describe("refunds at stripe", () => {
  const stripe = useStripe();
  const { authorize, capture, intentOf, refusalsOf, refundsOf } = stripe;

  const fault = errorOf(500, { type: "api_error" });

  it("leaves a refund that is pending alone for a while, and makes no second one though Stripe forgot the key", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    stripe.standIn.refundStatus = "pending";
    const { refund, outcome } = await stripe.client.refund({ key, refundId }, inTime);
    assert.equal(summary({ outcome }), "REFUNDING");
    assert.equal(refund?.finishTime, undefined);
    assert.ok(refund?.retryAfter && refund.retryAfter.seconds <= 10n);
    const asked = stripe.standIn.asked.length;
    assert.equal(summary(await stripe.client.refund({ key, refundId }, inTime)), "REFUNDING");
    assert.equal(stripe.standIn.asked.length, asked);
    const [made] = [...stripe.standIn.refunds.values()].slice(-1);
    made!.status = "succeeded";
    stripe.standIn.forgetKeys();
    await stripe.harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${refundId}`;
    const done = await stripe.client.refund({ key, refundId }, inTime);
    assert.deepEqual([summary(done), done.refund?.retryAfter], ["REFUNDED", undefined]);
    assert.equal(refundsOf(key).length, 1);
  });

  it("tries a refund that failed after it was pending with another key, later", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    stripe.standIn.refundStatus = "pending";
    const ask = async () => {
      await stripe.harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${refundId}`;
      return summary(await stripe.client.refund({ key, refundId }, inTime));
    };
    await ask();
    const [made] = [...stripe.standIn.refunds.values()].slice(-1);
    made!.status = "failed";
    stripe.standIn.refundStatus = "succeeded";
    assert.equal(await ask(), "REFUNDING");
    assert.equal(await refusalsOf("refund", key), 1);
    assert.equal(await ask(), "REFUNDED");
    assert.equal(refundsOf(key).length, 2);
  });

  it("refunds in parts, each its own amount, though Stripe forgot the keys", async () => {
    const key = newKey();
    const [first, second] = [randomUUID(), randomUUID()];
    const part = async (refundId: string, amountMinor: bigint) =>
      summary(await stripe.client.refund({ key, refundId, part: { amountMinor, returnedMinor: 0n } }, inTime));
    await authorize(key);
    await capture(key);
    stripe.standIn.refundStatus = "pending";
    assert.equal(
      summary(
        await stripe.hasty.refund({ key, refundId: first, part: { amountMinor: 1_000n, returnedMinor: 0n } }, inTime),
      ),
      "REFUNDING",
    );
    for (const made of stripe.standIn.refunds.values()) made.status = "succeeded";
    stripe.standIn.refundStatus = "succeeded";
    stripe.standIn.forgetKeys();
    await stripe.harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${first}`;
    assert.equal(await part(first, 1_000n), "CAPTURED");
    assert.equal(await part(second, 3_200n), "REFUNDED");
    assert.deepEqual(
      refundsOf(key).map(({ amount }) => amount),
      [1_000, 3_200],
    );
  });

  it("asks a person about a refund of another amount than it asks for, and makes none", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    stripe.standIn.refundStatus = "pending";
    assert.equal(summary(await stripe.client.refund({ key, refundId }, inTime)), "REFUNDING");
    for (const made of refundsOf(key)) Object.assign(made, { amount: 4_100, status: "succeeded" });
    stripe.standIn.refundStatus = "succeeded";
    await stripe.harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${refundId}`;
    assert.equal(summary(await stripe.client.refund({ key, refundId }, inTime)), "REFUNDING");
    assert.deepEqual([refundsOf(key).length, await refusalsOf("refund", key)], [1, 1]);
    const [row] = await stripe.harness.database.sql`
      select refusal_reason as reason, asked_at is not null as "isFixed" from payment.refund where refund_id = ${refundId}`;
    assert.deepEqual({ ...row }, { reason: "refund_of_another_amount", isFixed: true });
    // The rest by hand, and then the label off.
    const [made] = refundsOf(key);
    stripe.standIn.refunds.set("re_902", { ...made!, id: "re_902", amount: 100, metadata: {} });
    made!["metadata"] = {};
    stripe.standIn.failNext("POST /v1/refunds", errorOf(400, { code: "charge_already_refunded" }));
    await stripe.harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${refundId}`;
    assert.equal(summary(await stripe.client.refund({ key, refundId }, inTime)), "REFUNDED");
  });

  it("finds a refund that was made before a fault", async () => {
    const key = newKey();
    const refundId = randomUUID();
    await authorize(key);
    await capture(key);
    stripe.standIn.failNext("POST /v1/refunds", fault, "after");
    assert.equal(summary(await stripe.hasty.refund({ key, refundId }, inTime)), "REFUNDED");
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
      stripe.standIn.failNext("POST /v1/refunds", refusal);
      assert.equal(summary(await stripe.hasty.refund({ key, refundId }, inTime)), "REFUNDING");
      assert.equal(await refusalsOf("refund", key), 1);
      await stripe.harness.database.sql`update payment.refund set retry_at = now() where payment_id = ${key.paymentId}`;
      assert.equal(summary(await stripe.client.refund({ key, refundId }, inTime)), "REFUNDED");
      assert.deepEqual(
        stripe.standIn.asked.filter(({ route }) => route === "POST /v1/refunds").map(({ key: sent }) => sent),
        [`${key.paymentId}:refund:${refundId}`, `${key.paymentId}:refund:${refundId}:2`],
      );
      assert.equal(refundsOf(key).length, 1);
    });
  }

  it("is not stuck while it pauses after a fault that made none, but once nobody asks again", async () => {
    const key = newKey();
    await authorize(key);
    await capture(key);
    stripe.standIn.failNext("POST /v1/refunds", fault);
    assert.equal(summary(await stripe.hasty.refund({ key, refundId: randomUUID() }, inTime)), "REFUNDING");
    const stuck = async () => {
      const { reports } = await stripe.client.checkInvariants({ scope: { eventId: key.eventId } }, inTime);
      return reports.find(({ name }) => name === "payment.none_stuck")!.violations;
    };
    await stripe.harness.database.sql`
      update payment.refund set asked_at = asked_at - interval '1 hour' where payment_id = ${key.paymentId}`;
    assert.equal(await stuck(), 0n);
    await stripe.harness.database.sql`
      update payment.refund set retry_at = retry_at - interval '2 minutes' where payment_id = ${key.paymentId}`;
    assert.equal(await stuck(), 1n);
  });

  describe("when somebody has given money back by hand", () => {
    const giveByHand = (key: Key, amount: number, status = "succeeded") => {
      const id = `re_by_hand_${randomUUID()}`;
      stripe.standIn.refunds.set(id, { id, payment_intent: intentOf(key).id, amount, metadata: {}, status });
      return id;
    };
    const paid = async () => {
      const key = newKey();
      await authorize(key);
      await capture(key);
      return key;
    };
    const refund = async (key: Key, refundId: string, amountMinor = 4_200n) =>
      summary(await stripe.client.refund({ key, refundId, part: { amountMinor, returnedMinor: 0n } }, inTime));
    const rowOf = async (refundId: string) => {
      const [row] = await stripe.harness.database.sql`
        select provider_ref, refusals, refusal_reason from payment.refund where refund_id = ${refundId}`;
      return row!;
    };
    const due = (refundId: string) => stripe.harness.database.sql`
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
      assert.equal(await createDisputeStore(stripe.harness.database.sql).record(key, lost), true);
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
      stripe.standIn.refunds.get(pending)!.status = "succeeded";
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
      stripe.standIn.failNext("POST /v1/refunds", errorOf(status, {}));
      assert.equal(summary(await stripe.hasty.refund({ key, refundId }, inTime)), "REFUNDING");
    }
    assert.equal(await refusalsOf("refund", key), 0);
    assert.equal(summary(await stripe.client.refund({ key, refundId }, inTime)), "REFUNDED");
  });
});
