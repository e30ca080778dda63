// Payment with Stripe's stand-in behind it, for the specs of Stripe.

import { randomUUID } from "node:crypto";
import StripeClient from "stripe";
import { RefusalReason } from "#stubs";
import { createHarness, inTime, orderFor, summary, type Client, type Harness, type newKey } from "./harness.ts";
import { startStripeStandIn, type StripeStandIn } from "./stripe-stand-in.ts";

export type Key = ReturnType<typeof newKey>;

/** The stand-in's key; whatever asks it brings this. */
export const secretKey = "sk_test_of_the_tests";
const webhookSecret = "whsec_of_the_tests";

/** Starts payment and the stand-in before the specs around the call, and stops them afterwards. */
export function useStripe() {
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

  return {
    get harness() {
      return harness;
    },
    get standIn() {
      return standIn;
    },
    get client() {
      return client;
    },
    /** A client of a replica that waits half a second for Stripe, once. */
    get hasty() {
      return hasty;
    },
    get settings() {
      return settings;
    },
    ...{ authorize, capture, voidOf, intentOf, intentsOf, refusalsOf, refundsOf, sign, send, eventOf, read },
  };
}
