import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { inTime, newKey, summary, until } from "../../test/harness.ts";
import { errorOf } from "../../test/stripe-stand-in.ts";
import { useStripe, type Key } from "../../test/stripe-world.ts";

describe("money that stripe moves late", () => {
  const stripe = useStripe();
  const { authorize, capture, intentOf, refundsOf, send, eventOf, read } = stripe;

  describe("and a dispute", () => {
    /** A captured payment and what tells of its dispute; `moved` are its balance transactions. */
    const disputedPayment = async () => {
      const key = newKey();
      await authorize(key);
      await capture(key);
      const stand = (id: string, status: string, moved: number[], amount = 4_200) => {
        const balance = moved.map((each) => ({ object: "balance_transaction", amount: each }));
        stripe.standIn.disputes.set(id, {
          ...{ id, object: "dispute", payment_intent: intentOf(key).id, status, amount, currency: "eur" },
          ...{ reason: "fraudulent", balance_transactions: balance },
        });
      };
      /** A webhook that says something else than what is so by now. */
      const hear = (id: string, type = "charge.dispute.updated") =>
        send(eventOf(type, { ...stripe.standIn.disputes.get(id), status: "needs_response", amount: 1 }));
      const disputed = async () =>
        (
          await stripe.harness.database.sql<{ line: string }[]>`
            select status || ' ' || amount_minor || ' ' || currency_code as line
            from payment.dispute where payment_id = ${key.paymentId} order by dispute_ref`
        ).map(({ line }) => line);
      const posted = async () =>
        (
          await stripe.harness.database.sql<{ line: string }[]>`
            select kind || ' ' || reference || ' ' || amount_minor as line
            from payment.ledger_entry where payment_id = ${key.paymentId} and account = 'chargebacks' order by line`
        ).map(({ line }) => line);
      return { key, stand, hear, disputed, posted };
    };

    it("asks Stripe how it stands, and lets it come again when Stripe does not say", async () => {
      const { stand, hear, disputed } = await disputedPayment();
      stand("dp_1", "needs_response", [-4_200]);
      stripe.standIn.failNext("GET /v1/disputes/*", errorOf(500, { type: "api_error" }));
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
      stripe.standIn.refundStatus = "pending";
      assert.equal(summary(await stripe.client.refund({ key, refundId: randomUUID() }, inTime)), "REFUNDING");
      const [made] = refundsOf(key);
      stand("dp_5", "needs_response", [-4_200]);
      const list = "GET /v1/refunds?payment_intent=*&limit=100";
      for (let tries = 0; tries < 3; tries += 1) stripe.standIn.failNext(list, errorOf(500, { type: "api_error" }));
      assert.equal(await hear("dp_5"), "IN_PROGRESS");
      assert.deepEqual([await disputed(), await posted()], [["2 4200 EUR"], ["chargeback dp_5 4200"]]);
      made!["status"] = "succeeded";
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
      const { reports } = await stripe.client.checkInvariants({ scope: { eventId: key.eventId } }, inTime);
      assert.ok(reports.every(({ violations }) => violations === 0n));
    });

    it("asks Stripe about one that is open and was not heard of for a day", async () => {
      const { key, stand, hear, disputed } = await disputedPayment();
      stand("dp_6", "needs_response", [-4_200]);
      assert.equal(await hear("dp_6", "charge.dispute.created"), "accepted");
      const faultOf = async () =>
        (
          await stripe.harness.database.sql<{ fault: string | null }[]>`
            select ask_fault as fault from payment.dispute where payment_id = ${key.paymentId}`
        )[0]?.fault;
      const due = () => stripe.harness.database.sql`
        update payment.dispute set ask_at = now() where payment_id = ${key.paymentId}`;
      const asker = await stripe.harness.start({ ...stripe.settings, DISPUTE_INTERVAL_MS: "10" });
      stripe.standIn.failNext("GET /v1/disputes/*", errorOf(403, { type: "permission_error" }));
      await due();
      await until(async () => (await faultOf()) === "unanswered");
      const known = stripe.standIn.disputes.get("dp_6")!;
      stripe.standIn.disputes.delete("dp_6");
      await due();
      await until(async () => (await faultOf()) === "missing");
      assert.deepEqual(await disputed(), ["2 4200 EUR"]);
      stripe.standIn.disputes.set("dp_6", { ...known, status: "lost" });
      await due();
      await until(async () => (await disputed())[0] === "4 4200 EUR");
      assert.equal(await faultOf(), null);
      await asker.stop();
    });
  });

  describe("and a refund that fails after it was done", () => {
    const repaymentsOf = async ({ paymentId }: Key) =>
      (
        await stripe.harness.database.sql<{ id: string }[]>`
          select refund_id as id from payment.refund where payment_id = ${paymentId} and repays is not null`
      ).map(({ id }) => id);
    const refunded = async (amountMinor = 4_200n) => {
      const key = newKey();
      await authorize(key);
      await capture(key);
      const part = { amountMinor, returnedMinor: 0n };
      const { refund } = await stripe.client.refund({ key, refundId: randomUUID(), part }, inTime);
      assert.ok(refund?.finishTime);
      const made = [...stripe.standIn.refunds.values()].findLast(
        (each) => each["payment_intent"] === intentOf(key).id,
      )!;
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
      await stripe.harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${repayment!}`;
      const { stop } = await stripe.harness.start({ ...stripe.settings, RESUME_INTERVAL_MS: "10" });
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
        ...{ id: "re_901", payment_intent: intentOf(key).id, amount: 1_000, metadata: {} },
        ...{ status: "succeeded", created: Math.floor(Date.now() / 1_000) - 60 },
      };
      stripe.standIn.refunds.set(byHand.id, byHand);
      await stripe.harness.database.sql`
        update payment.refund set finished_at = finished_at - interval '2 minutes' where payment_id = ${key.paymentId}`;
      assert.equal(await send(eventOf("refund.failed", made)), "accepted");
      const [repayment] = await repaymentsOf(key);
      const askUntil = async (isSo: (row: Record<string, unknown>) => boolean) => {
        await stripe.harness.database.sql`update payment.refund set retry_at = now() where refund_id = ${repayment!}`;
        const { stop } = await stripe.harness.start({ ...stripe.settings, RESUME_INTERVAL_MS: "10" });
        await until(async () => {
          const [row] = await stripe.harness.database.sql`select * from payment.refund where refund_id = ${repayment!}`;
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
      // Weeks later; it says no more of itself than that.
      byHand.status = "failed";
      assert.equal(await send(eventOf("refund.failed", { object: "refund", ...byHand })), "accepted");
      assert.equal((await repaymentsOf(key)).length, 2);
    });

    it("asks nobody about money by hand that is booked as another refund", async () => {
      const { key, made } = await refunded(1_000n);
      const byHand = {
        ...{ id: `re_by_hand_${randomUUID()}`, payment_intent: intentOf(key).id, amount: 3_200, metadata: {} },
        ...{ status: "succeeded", created: Math.floor(Date.now() / 1_000) + 60 },
      };
      stripe.standIn.refunds.set(byHand.id, byHand);
      const part = { amountMinor: 3_200n, returnedMinor: 0n };
      stripe.standIn.failNext("POST /v1/refunds", errorOf(400, { type: "invalid_request_error" }));
      const { refund } = await stripe.client.refund({ key, refundId: randomUUID(), part }, inTime);
      assert.ok(refund?.finishTime);
      made.status = "failed";
      assert.equal(await send(eventOf("refund.failed", made)), "accepted");
      await stripe.harness.database.sql`
        update payment.refund set retry_at = now() where payment_id = ${key.paymentId} and repays is not null`;
      const { stop } = await stripe.harness.start({ ...stripe.settings, RESUME_INTERVAL_MS: "10" });
      await until(async () => refundsOf(key).some(({ status, amount }) => status === "succeeded" && amount === 1_000));
      await stop();
    });

    it("believes Stripe and not the webhook, and waits where Stripe does not say", async () => {
      const { key, made } = await refunded();
      const told = eventOf("refund.failed", { ...made, status: "failed" });
      stripe.standIn.failNext("GET /v1/refunds/*", errorOf(500, { type: "api_error" }));
      assert.equal(await send(told), "IN_PROGRESS");
      assert.equal(await send(told), "accepted");
      assert.deepEqual(await repaymentsOf(key), []);
    });

    it("takes no earlier try that failed for the one that was made", async () => {
      const { key, made } = await refunded();
      const earlier = { ...made, id: "re_900", status: "failed" };
      stripe.standIn.refunds.set(earlier.id, earlier);
      assert.equal(await send(eventOf("refund.failed", earlier)), "accepted");
      assert.deepEqual(await repaymentsOf(key), []);
    });
  });
});
