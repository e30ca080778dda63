// `make stripe-mock-test`: holds every call that we make of Stripe against Stripe's own description of its API, which
// stripe-mock knows. It keeps nothing, so what it answers is a fixture: only refused calls count.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "#stack/ports";
import type { FeeResult, ProviderRequest, ProviderResult } from "../services/payment/src/providers/provider.ts";
import { createStripeProvider } from "../services/payment/src/providers/stripe.ts";

const tool = await findTool();
if (tool === undefined) {
  console.error(`stripe-mock is neither on PATH nor where Go installs to. With Go 1.24 or newer:
  go install github.com/stripe/stripe-mock@latest`);
  process.exitCode = 1;
} else {
  const port = await freePort();
  const mock = spawn(tool, ["-http-addr", `127.0.0.1:${port}`], { stdio: "ignore" });
  try {
    await untilUp(port);
    process.exitCode = (await ask(`http://127.0.0.1:${port}`)) ? 0 : 1;
  } finally {
    mock.kill();
    await once(mock, "exit");
  }
}

async function ask(apiBase: string): Promise<boolean> {
  const provider = createStripeProvider({
    ...{ apiBase, secretKey: "sk_test_123", webhookSecret: "whsec_unused", returnUrl: "https://shop.example/back" },
    ...{ connectionsMax: 2, now: Date.now },
  });
  const about = { reference: "11111111-1111-4111-8111-111111111111", eventId: "22222222-2222-4222-8222-222222222222" };
  const price = { amountMinor: 4_200, currencyCode: "EUR" };
  const requests: ProviderRequest[] = [
    {
      ...about,
      ...price,
      kind: "authorize",
      idempotencyKey: "a",
      paymentMethodToken: "pm_card_visa",
      authorizationRef: undefined,
    },
    {
      ...about,
      ...price,
      kind: "authorize",
      idempotencyKey: "a",
      paymentMethodToken: "pm_card_visa",
      authorizationRef: "pi_1",
    },
    { ...about, kind: "lookup", authorizationRef: "pi_1" },
    { ...about, kind: "capture", idempotencyKey: "c", authorizationRef: "pi_1" },
    { ...about, ...price, kind: "void", idempotencyKey: "v", authorizationRef: undefined },
    {
      ...{ ...about, ...price, kind: "refund", idempotencyKey: "r", refundId: "r1", captureRef: "pi_1" },
      ...{ coveredMinor: 0, owedSince: undefined, bookedRefs: [] },
    },
  ];
  const outcomes = [];
  for (const request of requests) {
    outcomes.push(judge(request.kind, await provider.send(request, 10_000)));
  }
  outcomes.push(judge("fee", await provider.readFee({ reference: about.reference, captureRef: "pi_1" }, 10_000)));
  await provider.close();
  outcomes.push(await refusesNonsense(apiBase));
  const failed = outcomes.filter((isGood) => !isGood).length;
  console.log(`${outcomes.length - failed} passed, ${failed} failed`);
  return failed === 0;
}

// Otherwise nothing above proves anything.
async function refusesNonsense(apiBase: string): Promise<boolean> {
  const response = await fetch(`${apiBase}/v1/payment_intents`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_123", "content-type": "application/x-www-form-urlencoded" },
    body: "amount=4200&currency=eur&nonsense=1",
  });
  await response.arrayBuffer();
  console.log(`${response.status === 400 ? "passed" : "FAILED"}  a field that Stripe does not know is refused`);
  return response.status === 400;
}

function judge(what: string, result: ProviderResult | FeeResult): boolean {
  const isRefused = result.kind === "unknown" && /^(http_|client|connection|timeout)/.test(result.cause);
  const words = result.kind === "unknown" ? result.cause : result.kind;
  const verdict = isRefused ? "FAILED  Stripe's description refuses" : "passed  Stripe's description takes";
  console.log(`${verdict} our calls for: ${what} (the mock's fixture makes of them: ${words})`);
  return !isRefused;
}

async function findTool(): Promise<string | undefined> {
  const { PATH = "", GOBIN, GOPATH } = process.env;
  const dirs = [...PATH.split(delimiter), GOBIN, join(GOPATH ?? join(homedir(), "go"), "bin")];
  for (const dir of dirs) {
    const file = join(dir || ".", "stripe-mock");
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

async function untilUp(port: number): Promise<void> {
  const giveUpAtMs = Date.now() + 20_000;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (response) return void (await response.arrayBuffer());
    if (Date.now() > giveUpAtMs) throw new Error("stripe-mock did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
