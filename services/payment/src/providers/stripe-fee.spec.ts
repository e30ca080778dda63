import assert from "node:assert/strict";
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

const feeRoute = "GET /v1/payment_intents/*?expand[0]=latest_charge.balance_transaction";

describe("stripe's fees", () => {
  let harness: Harness;
  let standIn: StripeStandIn;
  let client: Client;
  before(async () => {
    harness = await createHarness();
    standIn = await startStripeStandIn();
    ({ client } = await harness.start({
      ...{ PROVIDER: "stripe", STRIPE_SECRET_KEY: "sk_test_of_the_tests", STRIPE_WEBHOOK_SECRET: "whsec_of_the_tests" },
      ...{ STRIPE_API_BASE: standIn.url, STRIPE_RETURN_URL: "https://shop.example/back", FEE_INTERVAL_MS: "10" },
    }));
  });
  beforeEach(() => {
    standIn.asked.length = 0;
    standIn.fee = { fee: 88, currency: "eur" };
  });
  after(async () => {
    await harness.stop();
    await standIn.close();
  });

  type Key = ReturnType<typeof newKey>;
  const capture = async () => {
    const key = newKey();
    await client.authorize(orderFor(key, "pm_ok"), inTime);
    assert.equal(summary(await client.capture({ key }, inTime)), "CAPTURED");
    return key;
  };
  const asksOf = async ({ paymentId }: Key) =>
    (
      await harness.database.sql<{ asks: number }[]>`
        select asks from payment.fee_due where payment_id = ${paymentId}`
    )[0]?.asks;
  /** Asks for its fee until what is told of it has been written. */
  const ask = async (key: Key, asksThen: number | undefined) => {
    await harness.database.sql`update payment.fee_due set ask_at = now() where payment_id = ${key.paymentId}`;
    await until(async () => (await asksOf(key)) === asksThen);
  };
  const figures = async ({ eventId }: Key) =>
    (await client.getSaleFigures({ eventId }, inTime)).areas.map(({ areaId, currencyCode, revenueMinor, feesMinor }) =>
      [areaId, currencyCode, revenueMinor, feesMinor].join(" "),
    );
  const feeAsks = () => standIn.asked.filter(({ route }) => route.includes("expand")).length;

  it("are asked for apart from the capture, and posted once there is a balance transaction", async () => {
    standIn.fee = null;
    const key = await capture();
    assert.equal(feeAsks(), 0);
    await ask(key, 1);
    await until(() => feeAsks() === 1);
    assert.deepEqual(await figures(key), ["stalls EUR 4200 0"]);
    standIn.fee = { fee: 88, currency: "eur" };
    await ask(key, undefined);
    assert.deepEqual(await figures(key), ["stalls EUR 4200 88"]);
  });

  it("stay in the currency of settlement, as a line of its own", async () => {
    standIn.fee = { fee: 95, currency: "usd" };
    const key = await capture();
    await ask(key, undefined);
    assert.deepEqual(await figures(key), ["stalls EUR 4200 0", "stalls USD 0 95"]);
    const { reports } = await client.checkInvariants({ scope: { eventId: key.eventId } }, inTime);
    assert.ok(reports.every(({ violations }) => violations === 0n));
  });

  it("stay unknown, and the payment captured, where the key may not read them or Stripe counts them otherwise", async () => {
    const key = await capture();
    standIn.failNext(feeRoute, errorOf(403, {}));
    await ask(key, 1);
    await until(() => feeAsks() === 1);
    standIn.fee = { fee: 9_500, currency: "isk" };
    await ask(key, 2);
    await until(() => feeAsks() === 2);
    assert.equal(await asksOf(key), 2);
    assert.deepEqual(await figures(key), ["stalls EUR 4200 0"]);
  });
});
