// Real payment services around a real sandbox and a database of their own, all in this process.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createGrpcClient, PaymentService, RefusalReason, type GrpcClient } from "#stubs";
import type { PaymentOutcome } from "#gen/boxoffice/payment/v1/payment";
import { startService } from "#shared/service";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { buildPayment } from "../src/build.ts";
import { readPaymentConfig } from "../src/config.ts";
import { stateName } from "../src/domain/payment.ts";
import type { FeeRate } from "../src/sandbox/fee.ts";
import { startSandbox, type Sandbox } from "../src/sandbox/server.ts";

export type Client = GrpcClient<typeof PaymentService>;
export type Replica = { client: Client; adminPort: number; stop(): Promise<void> };
export type Harness = {
  database: TestDatabase;
  sandbox: Sandbox;
  /** Starts a payment service; `settings` change the tests' own, in which nothing is resumed. */
  start(settings?: Record<string, string>): Promise<Replica>;
  /** Hands the sandbox's webhooks to a service, as a gateway would, and returns the HTTP statuses that it answered so far. */
  forwardWebhooks(to: Client): Promise<number[]>;
  /** Stops whatever was started. */
  stop(): Promise<void>;
};

export const webhookSecret = "a webhook secret of the tests, 32 or more";
export const inTime = { timeoutMs: 18_000 };

/** Starts a database and a sandbox, which keeps `fee` of captures, or nothing. */
export async function createHarness({ fee }: { fee?: FeeRate } = {}): Promise<Harness> {
  const database = await createTestDatabase();
  const sandbox = await startSandbox({
    ...{ host: "127.0.0.1", port: 0, slowMs: 400, recordsMax: 10_000 },
    ...(fee && { fee }),
    webhook: { endpoint: "", secret: webhookSecret },
  });
  const stops: (() => Promise<unknown>)[] = [() => database.drop(), () => sandbox.close()];

  async function start(settings: Record<string, string> = {}): Promise<Replica> {
    const config = readPaymentConfig({
      NODE_ENV: "test",
      HOST: "127.0.0.1",
      PORT: "0",
      ADMIN_PORT: "0",
      LOG_LEVEL: "silent",
      DATABASE_URL: database.urlOf("payment"),
      SANDBOX_URL: sandbox.url,
      SANDBOX_WEBHOOK_SECRET: webhookSecret,
      // Patient, so that a busy machine fails no test.
      PROVIDER_TRY_MS: "10000",
      PROVIDER_WAIT_MS: "15000",
      PROVIDER_PAUSE_MS: "5",
      RESUME_AFTER_MS: "3600000",
      FEE_INTERVAL_MS: "3600000",
      DISPUTE_INTERVAL_MS: "3600000",
      ...settings,
    });
    const { port, adminPort, lifecycle } = await startService("payment", config, buildPayment);
    const client = createGrpcClient(PaymentService, `127.0.0.1:${port}`);
    const stop = async () => {
      client.close();
      await lifecycle.stop("test");
    };
    stops.push(stop);
    return { client, adminPort, stop };
  }

  async function forwardWebhooks(to: Client): Promise<number[]> {
    const statuses: number[] = [];
    const server = createServer(async (request, response) => {
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      const signature = String(request.headers["sandbox-signature"]);
      const { outcome } = await to.handleWebhook({ provider: "sandbox", body, signature }, inTime);
      const status = outcome.case === "accepted" ? 200 : 503;
      statuses.push(status);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    sandbox.notices.setEndpoint(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    stops.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    return statuses;
  }

  return {
    database,
    sandbox,
    start,
    forwardWebhooks,
    stop: async () => {
      for (const stop of stops.toReversed()) await stop();
    },
  };
}

export function newKey(): { eventId: string; paymentId: string } {
  return { eventId: randomUUID(), paymentId: randomUUID() };
}

/** Returns an authorisation request of 42.00 EUR for `key`. */
export function orderFor(key: { eventId: string; paymentId: string }, paymentMethodToken = "tok_approve") {
  return {
    key,
    // The same for each key, so that a repeat is a repeat.
    reservationId: key.paymentId,
    customerId: "customer-1",
    amount: { currencyCode: "EUR", amountMinor: 4_200n },
    paymentMethodToken,
    areaId: "stalls",
  };
}

/** Returns the state of an outcome's payment, with its decline reason, or the refusal's reason. */
export function summary(response: { outcome?: PaymentOutcome | undefined }): string {
  const outcome = response.outcome?.outcome;
  if (outcome?.case === "refusal") return `refused: ${RefusalReason[outcome.value.reason]}`;
  if (outcome?.case !== "payment") return "nothing";
  return [stateName(outcome.value.state), outcome.value.declineReason].filter(Boolean).join(" ");
}

/** Waits until `condition` returns true; throws after 10 s. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const giveUpAt = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error("the condition did not become true within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
