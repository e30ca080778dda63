import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Code, type ConnectError } from "@connectrpc/connect";
import { createLogger } from "#shared/logger";
import { createHarness, inTime, newKey, orderFor, summary, until, type Client, type Harness } from "../test/harness.ts";
import { createBulkhead } from "./bulkhead.ts";
import { PaymentState, type Payment } from "./domain/payment.ts";
import { createPayments } from "./payments.ts";

describe("payments", () => {
  let harness: Harness;
  let client: Client;
  let hasty: Client;
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start());
    ({ client: hasty } = await harness.start({ PROVIDER_TRY_MS: "1000", PROVIDER_TRIES_MAX: "10" }));
  });
  after(() => harness.stop());

  const authorize = async (key: ReturnType<typeof newKey>, token?: string, by = client) =>
    summary(await by.authorize(orderFor(key, token), inTime));
  const capture = async (key: ReturnType<typeof newKey>, by = client) => summary(await by.capture({ key }, inTime));
  const voidOf = async (key: ReturnType<typeof newKey>) => summary(await client.void({ key }, inTime));
  const refund = async (key: ReturnType<typeof newKey>, refundId: string = randomUUID()) =>
    summary(await client.refund({ key, refundId }, inTime));
  const done = ({ paymentId }: ReturnType<typeof newKey>) => harness.sandbox.book.find(paymentId)?.done;
  const postings = async ({ paymentId }: ReturnType<typeof newKey>) =>
    (
      await harness.database.sql<{ line: string }[]>`
        select kind || ' ' || account || ' ' || amount_minor || ' ' || currency_code as line
        from payment.ledger_entry where payment_id = ${paymentId} order by kind, amount_minor desc`
    ).map(({ line }) => line);

  it("authorises, captures and refunds, and posts each to the ledger once", async () => {
    const key = newKey();
    const refundId = randomUUID();
    assert.equal(await authorize(key), "AUTHORIZED");
    assert.deepEqual(await postings(key), []);
    assert.equal(await capture(key), "CAPTURED");
    assert.equal(await capture(key), "CAPTURED");
    assert.deepEqual(await postings(key), ["capture provider_receivable 4200 EUR", "capture ticket_sales -4200 EUR"]);
    assert.equal(await refund(key, refundId), "REFUNDED");
    assert.equal(await refund(key, refundId), "REFUNDED");
    assert.deepEqual((await postings(key)).slice(2), [
      "refund ticket_refunds 4200 EUR",
      "refund provider_receivable -4200 EUR",
    ]);
    assert.deepEqual(done(key), { authorize: 1, capture: 1, void: 0, refund: 1 });
  });

  it("returns the payment with everything that was asked for", async () => {
    const key = newKey();
    await authorize(key);
    const { outcomes } = await client.getPayments({ keys: [newKey(), key, key] }, inTime);
    assert.deepEqual(
      outcomes.map((outcome) => summary({ outcome })),
      ["refused: NOT_FOUND", "AUTHORIZED", "AUTHORIZED"],
    );
    const payment = outcomes[1]!.outcome.value!;
    assert.ok(payment.$typeName === "boxoffice.payment.v1.Payment");
    const { eventId, paymentId, reservationId, customerId, amount, provider } = payment;
    assert.deepEqual({ eventId, paymentId }, key);
    assert.deepEqual([reservationId, customerId, provider], [key.paymentId, "customer-1", "sandbox"]);
    assert.deepEqual([amount?.amountMinor, amount?.currencyCode], [4_200n, "EUR"]);
    assert.ok(payment.createTime);
  });

  it("takes upper-case ids for the same ids", async () => {
    const key = newKey();
    const shouted = { eventId: key.eventId.toUpperCase(), paymentId: key.paymentId.toUpperCase() };
    assert.equal(await authorize(shouted), "AUTHORIZED");
    assert.equal(await authorize(key), "AUTHORIZED");
    assert.deepEqual(done(key)?.authorize, 1);
  });

  describe("with each token of the sandbox", () => {
    const cases: [token: string, authorized: string, captured: string][] = [
      ["tok_decline", "DECLINED card_declined", "DECLINED card_declined"],
      ["tok_insufficient_funds", "DECLINED insufficient_funds", "DECLINED insufficient_funds"],
      ["tok_nobody_knows", "DECLINED invalid_token", "DECLINED invalid_token"],
      ["tok_capture_declined", "AUTHORIZED", "DECLINED authorization_expired"],
      ["tok_3ds", "ACTION_REQUIRED", "refused: WRONG_STATE"],
      ["tok_webhook_first", "AUTHORIZED", "CAPTURED"],
      ["tok_slow", "AUTHORIZED", "CAPTURED"],
      ["tok_down", "AUTHORIZING", "refused: WRONG_STATE"],
      ["tok_down_once", "AUTHORIZED", "CAPTURED"],
      ["tok_reset", "AUTHORIZED", "CAPTURED"],
      ["tok_garbled", "AUTHORIZED", "CAPTURED"],
      ["tok_answers_twice", "AUTHORIZED", "CAPTURED"],
      ["tok_timeout_after_authorize", "AUTHORIZED", "CAPTURED"],
      ["tok_timeout_after_capture", "AUTHORIZED", "CAPTURED"],
    ];
    for (const [token, authorized, captured] of cases) {
      it(`${token}: authorising answers ${authorized}, capturing ${captured}, and nothing is done twice`, async () => {
        const key = newKey();
        assert.equal(await authorize(key, token, hasty), authorized);
        assert.equal(await capture(key, hasty), captured);
        assert.equal(await capture(key, hasty), captured);
        const { authorize: authorizations = 0, capture: captures = 0 } = done(key) ?? {};
        assert.equal(authorizations, authorized === "AUTHORIZED" ? 1 : 0);
        assert.equal(captures, captured === "CAPTURED" ? 1 : 0);
        assert.equal((await postings(key)).length, captures * 2);
      });
    }

    it("tok_timeout_after_refund: the refund is made once", async () => {
      const key = newKey();
      await authorize(key, "tok_timeout_after_refund");
      await capture(key);
      const refunded = await hasty.refund({ key, refundId: randomUUID() }, inTime);
      assert.equal(summary(refunded), "REFUNDED");
      assert.equal(done(key)?.refund, 1);
    });

    it("answers twice on busy connections without mixing payments up", async () => {
      const { client: narrow } = await harness.start({ PROVIDER_RUNNING_MAX: "2" });
      const keys = Array.from({ length: 60 }, newKey);
      const answers = await Promise.all(
        keys.map((key, index) =>
          narrow.authorize(orderFor(key, index % 3 ? "tok_decline" : "tok_answers_twice"), inTime),
        ),
      );
      keys.forEach((key, index) => {
        const expected = index % 3 ? "DECLINED card_declined" : "AUTHORIZED";
        assert.equal(summary(answers[index]!), expected);
        assert.equal(done(key)?.authorize, index % 3 ? 0 : 1);
      });
    });
  });

  describe("repeated", () => {
    it("100 identical authorisations at once are one at the provider", async () => {
      const key = newKey();
      const answers = await Promise.all(Array.from({ length: 100 }, () => authorize(key)));
      assert.deepEqual(new Set(answers), new Set(["AUTHORIZED"]));
      assert.equal(done(key)?.authorize, 1);
    });

    it("100 identical captures at once are one capture and one posting", async () => {
      const key = newKey();
      await authorize(key);
      const answers = await Promise.all(Array.from({ length: 100 }, () => capture(key)));
      assert.deepEqual(new Set(answers), new Set(["CAPTURED"]));
      assert.equal(done(key)?.capture, 1);
      assert.equal((await postings(key)).length, 2);
    });

    it("two replicas share 200 payments, each asked of both at once, and do each once", async () => {
      const other = await harness.start();
      const keys = Array.from({ length: 200 }, newKey);
      const both = [client, other.client];
      const all = (call: (of: Client, key: ReturnType<typeof newKey>) => Promise<Parameters<typeof summary>[0]>) =>
        Promise.all(
          both.flatMap((of, n) => (n ? keys.toReversed() : keys).map(async (key) => summary(await call(of, key)))),
        );
      const authorized = await all((of, key) => of.authorize(orderFor(key), inTime));
      assert.deepEqual(new Set(authorized), new Set(["AUTHORIZED"]));
      const captured = await all((of, key) => of.capture({ key }, inTime));
      assert.deepEqual(new Set(captured), new Set(["CAPTURED"]));
      for (const key of keys) assert.deepEqual(done(key), { authorize: 1, capture: 1, void: 0, refund: 0 });
      await other.stop();
    });

    it("refuses a key that comes with another request, and changes nothing", async () => {
      const key = newKey();
      await authorize(key);
      const order = orderFor(key);
      const others = [
        { ...order, reservationId: randomUUID() },
        { ...order, customerId: "customer-2" },
        { ...order, amount: { currencyCode: "EUR", amountMinor: 1n } },
        { ...order, amount: { currencyCode: "USD", amountMinor: 4_200n } },
        { ...order, paymentMethodToken: "tok_slow" },
      ];
      for (const other of others) {
        assert.equal(summary(await client.authorize(other, inTime)), "refused: IDEMPOTENCY_KEY_REUSED");
      }
      assert.equal(await authorize(key), "AUTHORIZED");
    });

    it("refuses a second refund with another id", async () => {
      const key = newKey();
      await authorize(key);
      await capture(key);
      assert.equal(await refund(key), "REFUNDED");
      assert.equal(await refund(key), "refused: WRONG_STATE");
      assert.equal(done(key)?.refund, 1);
    });
  });

  describe("raced and undone", () => {
    it("lets exactly one of capture and void win", async () => {
      for (let round = 0; round < 20; round += 1) {
        const key = newKey();
        await authorize(key);
        const [captured, voided] = await Promise.all([capture(key), voidOf(key)]);
        const won = captured === "CAPTURED" ? ["CAPTURED", "refused: WRONG_STATE"] : ["refused: WRONG_STATE", "VOIDED"];
        assert.deepEqual([captured, voided], won);
        assert.equal(done(key)!.capture + done(key)!.void, 1);
      }
    });

    it("voids an authorisation, again with the same answer, and leaves a declined payment declined", async () => {
      const [authorized, declined] = [newKey(), newKey()];
      await authorize(authorized);
      await authorize(declined, "tok_decline");
      assert.deepEqual([await voidOf(authorized), await voidOf(authorized)], ["VOIDED", "VOIDED"]);
      assert.equal(await voidOf(declined), "DECLINED card_declined");
      assert.equal(done(authorized)?.void, 1);
    });

    it("voids an authorisation whose answer is unknown, before it can arrive late", async () => {
      const key = newKey();
      assert.equal(await authorize(key, "tok_down"), "AUTHORIZING");
      assert.equal(await voidOf(key), "VOIDED");
      const late = await fetch(`${harness.sandbox.url}/v1/authorizations`, {
        method: "POST",
        headers: { "idempotency-key": `${key.paymentId}:authorize` },
        body: JSON.stringify({ reference: key.paymentId, amount: 1, currency: "EUR", payment_method: "tok_approve" }),
      });
      assert.equal(late.status, 402);
      assert.equal(await authorize(key, "tok_down"), "VOIDED");
    });

    it("a void while the authorisation is under way ends VOIDED, whichever arrives first", async () => {
      const keys = Array.from({ length: 50 }, newKey);
      await Promise.all(keys.flatMap((key) => [authorize(key), voidOf(key)]));
      for (const key of keys) {
        // A busy machine may have let the provider's answer come too late; who asks again hears how it ended.
        while ((await authorize(key)) === "VOIDING") await voidOf(key);
        assert.equal(await authorize(key), "VOIDED");
        const status = harness.sandbox.book.find(key.paymentId)?.status;
        assert.ok(status === undefined || status === "voided", status);
      }
    });

    it("buries a key that was never seen, so that a late authorisation can't revive it", async () => {
      const key = newKey();
      assert.equal(await voidOf(key), "VOIDED");
      assert.equal(await authorize(key), "VOIDED");
      assert.equal(await voidOf(key), "VOIDED");
      assert.equal(done(key), undefined);
    });

    it("refuses what the state does not allow, naming it, and what is not there", async () => {
      const key = newKey();
      assert.equal(await capture(key), "refused: NOT_FOUND");
      assert.equal(await refund(key), "refused: NOT_FOUND");
      await authorize(key);
      assert.equal(await refund(key), "refused: WRONG_STATE");
      await capture(key);
      const { outcome } = await client.void({ key }, inTime);
      assert.equal(outcome?.outcome.case === "refusal" && outcome.outcome.value.metadata["state"], "CAPTURED");
    });
  });

  describe("when things fail", () => {
    it("stays AUTHORIZING while the provider is down, and is authorised by a repeat once it is back", async () => {
      const key = newKey();
      harness.sandbox.setDown(true);
      assert.equal(await authorize(key), "AUTHORIZING");
      harness.sandbox.setDown(false);
      assert.equal(await authorize(key), "AUTHORIZED");
      harness.sandbox.setDown(true);
      assert.equal(await capture(key), "CAPTURING");
      assert.equal(await voidOf(key), "refused: WRONG_STATE");
      harness.sandbox.setDown(false);
      assert.equal(await capture(key), "CAPTURED");
      const refundId = randomUUID();
      harness.sandbox.setDown(true);
      assert.equal(await refund(key, refundId), "REFUNDING");
      harness.sandbox.setDown(false);
      assert.equal(await refund(key, refundId), "REFUNDED");
      assert.deepEqual(done(key), { authorize: 1, capture: 1, void: 0, refund: 1 });
    });

    it("keeps the token only while it may be needed again", async () => {
      const key = newKey();
      const token = async () =>
        (
          await harness.database.sql<{ token: string | null }[]>`
            select payment_method_token as token from payment.payment where payment_id = ${key.paymentId}`
        )[0]!.token;
      harness.sandbox.setDown(true);
      await authorize(key);
      assert.equal(await token(), "tok_approve");
      harness.sandbox.setDown(false);
      await authorize(key);
      assert.equal(await token(), null);
    });

    it("answers within its caller's deadline although the provider never does", async () => {
      const key = newKey();
      const answer = await client.authorize(orderFor(key, "tok_timeout_after_authorize"), { timeoutMs: 3_000 });
      assert.equal(summary(answer), "AUTHORIZING");
      assert.equal(await authorize(key, "tok_timeout_after_authorize"), "AUTHORIZED");
      assert.equal(done(key)?.authorize, 1);
    });

    it("resumes what nobody asks about any more, in another replica", async () => {
      const keys = Array.from({ length: 5 }, newKey);
      const [capturing, refunding] = [newKey(), newKey()];
      for (const key of [capturing, refunding]) await authorize(key);
      await capture(refunding);
      harness.sandbox.setDown(true);
      await Promise.all([...keys.map((key) => authorize(key)), capture(capturing), refund(refunding)]);
      harness.sandbox.setDown(false);
      const resumer = await harness.start({ RESUME_AFTER_MS: "0", RESUME_INTERVAL_MS: "10", RESUME_ITEMS_MAX: "2" });
      const all = [...keys, capturing, refunding];
      const states = async () =>
        (await client.getPayments({ keys: all }, inTime)).outcomes.map((outcome) => summary({ outcome }));
      await until(async () => (await states()).every((state) => !state.endsWith("ING")));
      assert.deepEqual(await states(), [...keys.map(() => "AUTHORIZED"), "CAPTURED", "REFUNDED"]);
      await resumer.stop();
      assert.deepEqual(done(capturing), { authorize: 1, capture: 1, void: 0, refund: 0 });
    });

    it("sheds what it has no room for before anything is written", async () => {
      const { client: small } = await harness.start({ PROVIDER_RUNNING_MAX: "1", PROVIDER_WAITING_MAX: "1" });
      const keys = Array.from({ length: 5 }, newKey);
      const answers = await Promise.all(keys.map((key) => small.authorize(orderFor(key, "tok_slow"), inTime)));
      const summaries = answers.map(summary);
      assert.deepEqual(summaries.toSorted(), [
        ...Array<string>(2).fill("AUTHORIZED"),
        ...Array<string>(3).fill("refused: OVERLOADED"),
      ]);
      const shed = keys.filter((_, index) => summaries[index] !== "AUTHORIZED");
      const { outcomes } = await client.getPayments({ keys: shed }, inTime);
      assert.deepEqual(new Set(outcomes.map((outcome) => summary({ outcome }))), new Set(["refused: NOT_FOUND"]));
      const refusal = answers.find((answer) => summary(answer) !== "AUTHORIZED")!.outcome!.outcome.value!;
      assert.ok("retryAfter" in refusal && refusal.retryAfter);
    });

    it("refuses what breaks the contract's rules, naming the field", async () => {
      const order = orderFor(newKey());
      const bad: [Parameters<Client["authorize"]>[0], RegExp][] = [
        [{ ...order, key: { ...order.key, paymentId: "7" } }, /key\.payment_id/],
        [{ ...order, amount: { currencyCode: "EUR", amountMinor: -1n } }, /amount\.amount_minor/],
        [{ ...order, amount: { currencyCode: "eur", amountMinor: 1n } }, /amount\.currency_code/],
        [{ ...order, customerId: "" }, /customer_id/],
        [{ ...order, paymentMethodToken: "4111 1111 1111 1111" }, /payment_method_token/],
        [{ reservationId: order.reservationId }, /key/],
      ];
      for (const [request, field] of bad) {
        const error = await client.authorize(request, inTime).then(
          () => assert.fail("it was accepted"),
          (thrown: unknown) => thrown as ConnectError,
        );
        assert.equal(error.code, Code.InvalidArgument);
        assert.match(error.rawMessage, field);
        assert.doesNotMatch(error.rawMessage, /4111/);
      }
    });

    it("is ready while the provider is down, and not while migrations are missing", async () => {
      const { adminPort } = await harness.start();
      const status = async () => (await fetch(`http://127.0.0.1:${adminPort}/ready`)).status;
      harness.sandbox.setDown(true);
      assert.equal(await status(), 200);
      harness.sandbox.setDown(false);
      await harness.database.sql`update payment.migration set version = version - 1000`;
      assert.equal(await status(), 503);
      await harness.database.sql`update payment.migration set version = version + 1000`;
      assert.equal(await status(), 200);
      const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
      assert.match(metrics, /boxoffice_payment_commands\{place="running"\} 0/);
    });
  });

  it("does not give money up when the provider refuses to give it back", async () => {
    const eventId = randomUUID();
    const order = {
      ...{ reservationId: randomUUID(), customerId: "c", areaId: "stalls", amountMinor: 4_200, currencyCode: "EUR" },
      ...{ requestHash: "h", provider: "sandbox" },
    };
    const voiding: Payment = {
      ...{ eventId, paymentId: randomUUID(), state: PaymentState.VOIDING, createdAt: new Date(0), order },
      ...{ paymentMethodToken: undefined, authorizationRef: "auth", actionUrl: undefined, captureRef: undefined },
      ...{
        declineReason: undefined,
        refundedMinor: 0,
        returnedMinor: 0,
        refundPendingSince: undefined,
        refusals: 0,
        isRetryDue: true,
      },
    };
    const noted: string[] = [];
    const untouched = { submit: () => assert.fail("something was written") };
    const payments = createPayments({
      creations: untouched,
      moves: untouched,
      refunds: { perform: () => assert.fail("it was refunded"), finish: () => assert.fail("it was refunded") },
      refused: { noteVoid: async ({ refusals, reason }) => void noted.push(`${refusals} ${reason}`) },
      askProvider: async () => ({ kind: "declined", reason: "other" }),
      bulkhead: createBulkhead({ runningMax: 1, waitingMax: 0, waitMsMax: 0 }),
      log: createLogger({ service: "test", level: "silent" }),
    });
    const finished = await payments.finish(voiding, Date.now() + 1_000);
    assert.deepEqual(finished, { payment: voiding, isAnswered: true });
    assert.deepEqual(noted, ["0 other"]);
  });

  it("keeps its promises through all of the above", async () => {
    const { reports } = await client.checkInvariants({}, inTime);
    assert.deepEqual(
      reports.map(({ promise, name, violations }) => [promise, name, violations]),
      [
        [5, "payment.captured_once", 0n],
        [5, "payment.refunds_posted_once", 0n],
        [5, "payment.refunded_within_captured", 0n],
        [5, "payment.none_stuck", 0n],
        [5, "payment.nothing_refused", 0n],
        [5, "payment.owed_is_repaid", 0n],
        [6, "payment.disputes_posted", 0n],
        [6, "payment.fees_of_captures", 0n],
        [6, "payment.transactions_balance", 0n],
        [6, "payment.currencies_balance", 0n],
        [6, "payment.ledger_is_chained", 0n],
      ],
    );
    const empty = ["none_stuck", "nothing_refused", "owed_is_repaid", "fees_of_captures", "disputes_posted"];
    const looked = reports.filter(({ name }) => !empty.includes(name.replace("payment.", "")));
    assert.ok(looked.every(({ examined, description }) => examined > 0n && description !== ""));
    const nothing = await client.checkInvariants({ scope: { eventId: newKey().eventId } }, inTime);
    assert.ok(nothing.reports.every(({ examined }) => examined === 0n));
  });
});
