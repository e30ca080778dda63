import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { createRefusal } from "#shared/refusal";
import type { HandleWebhookRequest } from "#gen/boxoffice/payment/v1/payment";
import { startTestGateway, until, type TestGateway } from "../../test/harness.ts";
import { eventId, reservationId } from "../../test/messages.ts";

describe("POST /webhooks/{provider}", () => {
  let gateway: TestGateway;
  let seen: HandleWebhookRequest[];
  let hints: string[];
  before(async () => (gateway = await startTestGateway({ TRUSTED_PROXIES: "127.0.0.1" })));
  after(() => gateway.stop());
  beforeEach(() => {
    seen = [];
    hints = [];
    gateway.fakes.payment.handlers.handleWebhook = async (request) => {
      seen.push(request);
      return { outcome: { case: "accepted", value: { eventId, reservationId } } };
    };
    gateway.fakes.reservation.handlers.resumeCheckout = async (key) => {
      hints.push(`${key.eventId}/${key.reservationId}`);
      return {};
    };
  });

  const send = async (body: string | Uint8Array<ArrayBuffer>, path = "stripe", init: RequestInit = {}) => {
    const headers = { "content-type": "application/json", "stripe-signature": "t=1,v1=ab" };
    const response = await fetch(`${gateway.url}/webhooks/${path}`, { method: "POST", headers, body, ...init });
    await response.arrayBuffer();
    return response;
  };
  const refuse = (reason: RefusalReason) => {
    gateway.fakes.payment.handlers.handleWebhook = async () => ({
      outcome: { case: "refusal", value: createRefusal(reason, "no", { retryAfterMs: 1_000 }) },
    });
  };

  it("hands the body on byte for byte, with the provider's signature, and needs no session", async () => {
    const body = '{ "id":"evt_1",\r\n "größe": "ü\\u00fc" }  ';
    assert.equal((await send(body)).status, 200);
    assert.equal(Buffer.from(seen[0]!.body).toString(), body);
    assert.deepEqual([seen[0]!.provider, seen[0]!.signature], ["stripe", "t=1,v1=ab"]);
    await send(Buffer.from([0, 255, 254]));
    assert.deepEqual([...seen[1]!.body], [0, 255, 254]);
  });

  it("takes the signature from the provider's own header only", async () => {
    await send("{}", "sandbox");
    await send("{}", "sandbox", { headers: { "sandbox-signature": "t=2" } });
    assert.deepEqual(
      seen.map(({ signature }) => signature),
      ["", "t=2"],
    );
  });

  it("tells reservation which booking may go on, and is processed although it can't", async () => {
    await send("{}");
    assert.deepEqual(hints, [`${eventId}/${reservationId}`]);
    gateway.fakes.reservation.handlers.resumeCheckout = async () => {
      throw new ConnectError("down", Code.Unavailable);
    };
    assert.equal((await send("{}")).status, 200);
    gateway.fakes.payment.handlers.handleWebhook = async () => ({ outcome: { case: "accepted", value: {} } });
    assert.equal((await send("{}")).status, 200);
    assert.equal(hints.length, 1);
  });

  for (const [reason, status] of [
    [RefusalReason.INVALID_ARGUMENT, 400],
    [RefusalReason.NOT_FOUND, 404],
    [RefusalReason.IN_PROGRESS, 503],
    [RefusalReason.OVERLOADED, 503],
    [RefusalReason.INTERNAL, 503],
  ] as const) {
    it(`answers ${status} to what payment refuses with ${RefusalReason[reason]}`, async () => {
      refuse(reason);
      assert.equal((await send("{}")).status, status);
      assert.deepEqual(hints, []);
    });
  }

  it("answers 503 when payment fails or can't be reached, so that the provider sends it again", async () => {
    for (const code of [Code.Unavailable, Code.Internal, Code.DeadlineExceeded, Code.InvalidArgument]) {
      gateway.fakes.payment.handlers.handleWebhook = async () => {
        throw new ConnectError("secret words", code);
      };
      const response = await fetch(`${gateway.url}/webhooks/stripe`, { method: "POST", body: "{}" });
      assert.equal(response.status, 503);
      assert.doesNotMatch(await response.text(), /secret/);
    }
  });

  it("refuses what is too large, not posted, or to nobody, without asking payment", async () => {
    assert.equal((await send("x".repeat((256 << 10) + 1))).status, 413);
    assert.equal((await send("x".repeat(256 << 10))).status, 200);
    assert.equal((await fetch(`${gateway.url}/webhooks/stripe`)).status, 405);
    for (const path of ["", "Stripe", "stripe/x", "a".repeat(33), "..%2fx"]) {
      assert.equal((await send("{}", path)).status, 404, path);
    }
    assert.equal(seen.length, 1);
  });

  it("works on 64 at once, and lets the rest come again", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    let running = 0;
    gateway.fakes.payment.handlers.handleWebhook = async () => {
      running += 1;
      await opened;
      return { outcome: { case: "accepted", value: {} } };
    };
    const answers = Array.from({ length: 64 }, () => send("{}"));
    await until("all run", () => running === 64);
    const refused = await send("{}");
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "1"]);
    open();
    assert.ok((await Promise.all(answers)).every(({ status }) => status === 200));
    assert.equal((await send("{}")).status, 200);
  });

  it("is not kept out by however many bodies that arrive slowly", async () => {
    const slow = Array.from({ length: 70 }, () => connect(gateway.port, "127.0.0.1"));
    try {
      // They have come so far that their bodies are read.
      await Promise.all(
        slow.map(async (socket) => {
          socket.write(
            "POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n{",
          );
          await once(socket, "data");
        }),
      );
      assert.equal((await send("{}")).status, 200);
    } finally {
      for (const socket of slow) socket.destroy();
    }
  });

  it("counts against its sender's address", async () => {
    const small = await startTestGateway(
      { LIMIT_ADDRESS: "2", LIMIT_WINDOW_SECONDS: "600", TRUSTED_PROXIES: "127.0.0.1" },
      gateway.fakes,
    );
    const headers = { "x-forwarded-for": `fd00:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1` };
    const statuses = [];
    for (let count = 0; count < 3; count += 1) {
      statuses.push((await fetch(`${small.url}/webhooks/stripe`, { method: "POST", body: "{}", headers })).status);
    }
    assert.deepEqual(statuses, [200, 200, 429]);
    await small.stop();
  });
});
