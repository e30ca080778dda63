import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createGrpcClient, PaymentService } from "#stubs";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { errorOf, startStripeStandIn } from "../test/stripe-stand-in.ts";
import { inTime, newKey, orderFor, summary } from "../test/harness.ts";
import { signWebhook } from "./providers/webhook-signature.ts";

describe("processes", () => {
  let database: TestDatabase;
  before(async () => (database = await createTestDatabase()));
  after(() => database.drop());

  it("announce their ports, serve, and stop when asked", async () => {
    const sandbox = await startProcess("./sandbox/main.ts", {});
    const payment = await startProcess("./main.ts", {
      ADMIN_PORT: "0",
      DATABASE_URL: database.urlOf("payment"),
      SANDBOX_URL: `http://127.0.0.1:${sandbox.ports["http"]}`,
    });
    const client = createGrpcClient(PaymentService, `127.0.0.1:${payment.ports["grpc"]}`);
    const key = newKey();
    assert.equal(summary(await client.authorize(orderFor(key), inTime)), "AUTHORIZED");
    const { reports } = await client.checkInvariants({ scope: { eventId: key.eventId } }, inTime);
    assert.ok(reports.length > 0 && reports.every(({ violations }) => violations === 0n));
    client.close();
    assert.equal(await payment.stop(), 0);
    assert.equal(await sandbox.stop(), 0);
  });

  it("print nothing of a provider's key, secret or token, whatever happens, and say why they refuse a webhook", async () => {
    const standIn = await startStripeStandIn();
    const secrets = { STRIPE_SECRET_KEY: "sk_live_never_printed", STRIPE_WEBHOOK_SECRET: "whsec_never_printed" };
    const payment = await startProcess("./main.ts", {
      ...{
        ADMIN_PORT: "0",
        LOG_LEVEL: "debug",
        DATABASE_URL: database.urlOf("payment"),
        PROVIDER: "stripe",
        ...secrets,
      },
      ...{ STRIPE_API_BASE: standIn.url, STRIPE_RETURN_URL: "https://shop.example/back", PROVIDER_TRY_MS: "300" },
    });
    const client = createGrpcClient(PaymentService, `127.0.0.1:${payment.ports["grpc"]}`);
    const confirm = "POST /v1/payment_intents/*/confirm";
    for (const how of [
      "hang",
      "reset",
      errorOf(401, { message: secrets.STRIPE_SECRET_KEY }),
      errorOf(500, {}),
    ] as const) {
      standIn.failNext(confirm, how);
      await client.authorize(orderFor(newKey(), "pm_never_printed"), inTime);
    }
    await client.authorize(orderFor(newKey(), "pm_declined"), inTime);
    const body = Buffer.from("{}");
    const secret = secrets.STRIPE_WEBHOOK_SECRET;
    const old = signWebhook(body, { secret, atMs: Date.now() - 400_000 });
    for (const signature of ["", "v1=00", "t=1,v1=00", old]) {
      await client.handleWebhook({ provider: "stripe", body, signature }, inTime);
    }
    client.close();
    await payment.stop();
    await standIn.close();
    assert.match(payment.printed(), /provider_unknown/);
    assert.doesNotMatch(payment.printed(), /never_printed|pm_declined/);
    for (const fault of ["missing", "malformed", "wrong", "stale"]) {
      const refused = new RegExp(`"payment.webhook_refused","provider":"stripe","reason":"signature_${fault}"`);
      assert.match(payment.printed(), refused);
    }
  });

  for (const file of ["./main.ts", "./sandbox/main.ts"]) {
    it(`${file} names wrong settings and exits with 2`, async () => {
      const child = start(file, { PORT: "many" });
      let errors = "";
      child.stderr.on("data", (chunk: Buffer) => (errors += String(chunk)));
      assert.deepEqual((await once(child, "close")).slice(0, 1), [2]);
      assert.match(errors, /PORT: must be a whole number/);
    });
  }
});

function start(file: string, settings: Record<string, string>) {
  return spawn(process.execPath, ["--import=tsx", fileURLToPath(new URL(file, import.meta.url))], {
    env: {
      ...process.env,
      NODE_V8_COVERAGE: undefined,
      NODE_ENV: "test",
      HOST: "127.0.0.1",
      PORT: "0",
      LOG_LEVEL: "silent",
      ANNOUNCE_PORTS: "true",
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function startProcess(file: string, settings: Record<string, string>) {
  const child = start(file, settings);
  const exited = once(child, "exit") as Promise<[number]>;
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (printed += String(chunk)));
  // Among its logs, where it prints any.
  const announced = () => /^\{"ports":.*$/m.exec(printed)?.[0];
  while (announced() === undefined) {
    await Promise.race([once(child.stdout, "data"), exited.then(() => assert.fail(`${file} exited`))]);
  }
  const { ports } = JSON.parse(announced()!) as { ports: Record<string, number> };
  return {
    ports,
    printed: () => printed,
    stop: async () => {
      child.kill("SIGTERM");
      return (await exited)[0];
    },
  };
}
