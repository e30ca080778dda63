import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createSandboxProvider } from "./sandbox.ts";
import type { Provider, ProviderRequest } from "./provider.ts";

const request: ProviderRequest = {
  ...{ kind: "void", idempotencyKey: "p:void", reference: "p", eventId: "e" },
  ...{ amountMinor: 1, currencyCode: "EUR", authorizationRef: undefined },
};
const webhookSecret = "what the sandbox signs with";
const options = { connectionsMax: 1, webhookSecret, now: () => 1_800_000_000_000 };
const good = { operation: "void", reference: "p", ref: "void.1" };

describe("sandbox provider's client", () => {
  let server: Server;
  let provider: Provider;
  let answer: { status: number; body: string };
  before(async () => {
    server = createServer((_, response) => void response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    provider = createSandboxProvider({ url: `http://127.0.0.1:${port}`, ...options });
  });
  after(async () => {
    await provider.close();
    server.closeAllConnections();
    server.close();
  });
  const answered = async (status: number, body: unknown) => {
    answer = { status, body: typeof body === "string" ? body : JSON.stringify(body) };
    return await provider.send(request, 5_000);
  };

  it("believes an answer that names what was asked", async () => {
    assert.deepEqual(await answered(200, good), { kind: "done", ref: "void.1" });
  });

  it("takes a capture for done whatever it says of the fee, which is then asked for", async () => {
    const capture: ProviderRequest = {
      kind: "capture",
      idempotencyKey: "c",
      reference: "p",
      authorizationRef: "auth.1",
    };
    const captured = { operation: "capture", reference: "p", ref: "cap.1" };
    const ask = async (fee: unknown) => {
      answer = { status: 200, body: JSON.stringify({ ...captured, fee }) };
      return [await provider.send(capture, 5_000), await provider.readFee({ reference: "p", captureRef: "c" }, 5_000)];
    };
    const fee = { amountMinor: 88, currencyCode: "EUR" };
    assert.deepEqual(await ask({ amount: 88, currency: "EUR" }), [
      { kind: "done", ref: "cap.1", fee },
      { kind: "fee", fee },
    ]);
    for (const odd of [undefined, null, 7, { amount: -1, currency: "EUR" }, { amount: 88 }]) {
      assert.deepEqual(await ask(odd), [
        { kind: "done", ref: "cap.1" },
        { kind: "unknown", cause: "malformed" },
      ]);
    }
    const other = await provider.readFee({ reference: "q", captureRef: "c" }, 5_000);
    assert.deepEqual(other, { kind: "unknown", cause: "malformed" });
  });

  it("tells a dispute that is not there from one that it can't hear of", async () => {
    const told = { ref: "dispute.p", status: "lost", amount: 4_200, currency: "EUR", reason: "fraudulent" };
    const ask = async (status: number, body: unknown) => {
      answer = { status, body: JSON.stringify(body) };
      return await provider.readDispute({ reference: "p", ref: "dispute.p" }, 5_000);
    };
    assert.deepEqual(await ask(200, told), {
      kind: "dispute",
      dispute: { ref: "dispute.p", status: 4, amountMinor: 4_200, currencyCode: "EUR", reason: "fraudulent" },
    });
    for (const [status, body] of [
      [404, {}],
      [200, { ...told, ref: "dispute.q" }],
    ] as const) {
      assert.deepEqual(await ask(status, body), { kind: "missing" });
    }
    assert.deepEqual(await ask(503, told), { kind: "unknown", cause: "http_503" });
    assert.deepEqual(await ask(200, { ...told, status: "odd" }), { kind: "unknown", cause: "malformed" });
  });

  it("takes 402 for a decline, with a reason from the closed list", async () => {
    const declined = (code: unknown) => answered(402, { ...good, error: { code } });
    assert.deepEqual(await declined("card_declined"), { kind: "declined", reason: "card_declined" });
    assert.deepEqual(await declined({ strange: true }), { kind: "declined", reason: "other" });
  });

  it("takes no other status for an answer about the payment", async () => {
    for (const status of [301, 400, 401, 404, 409, 422, 429, 500, 503]) {
      assert.deepEqual(await answered(status, good), { kind: "unknown", cause: `http_${status}` });
    }
  });

  it("guesses nothing from an answer that is malformed or belongs to another request", async () => {
    const odd = ["", "null", "<html>", "[]", { ...good, reference: "q" }, { ...good, operation: "capture" }];
    for (const body of [...odd, { ...good, ref: 7 }, { ...good, ref: "../x" }]) {
      assert.deepEqual(await answered(200, body), { kind: "unknown", cause: "malformed" });
    }
  });

  it("reads no more than it should of a huge answer", async () => {
    assert.deepEqual(await answered(200, "x".repeat(1 << 20)), {
      kind: "unknown",
      cause: "UND_ERR_RES_EXCEEDED_MAX_SIZE",
    });
  });

  it("says nothing of what was sent when there is nobody to send it to", async () => {
    const nowhere = createSandboxProvider({ url: "http://127.0.0.1:1", ...options });
    assert.deepEqual(await nowhere.send(request, 5_000), { kind: "unknown", cause: "ECONNREFUSED" });
    await nowhere.close();
  });
});
