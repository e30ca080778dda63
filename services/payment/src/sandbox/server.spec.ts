import assert from "node:assert/strict";
import { connect } from "node:net";
import { startSandbox, type Sandbox } from "./server.ts";

describe("sandbox", () => {
  let sandbox: Sandbox;
  let count = 0;
  before(async () => {
    const fee = { basisPoints: 150, fixedMinor: 25 };
    sandbox = await startSandbox({ host: "127.0.0.1", port: 0, slowMs: 50, recordsMax: 100, fee });
  });
  after(() => sandbox.close());

  const post = async (path: string, key: string, body: unknown = {}) => {
    const response = await fetch(sandbox.url + path, {
      method: "POST",
      headers: { "idempotency-key": key },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const json = (await response.json()) as { ref?: string; error?: { code: string } };
    return { ...json, status: response.status, replayed: response.headers.get("idempotent-replayed") };
  };
  const order = (token = "tok_approve") => {
    const reference = `order-${(count += 1)}`;
    return { reference, amount: 4_200, currency: "EUR", payment_method: token };
  };
  const get = async (path: string) => {
    const response = await fetch(sandbox.url + path);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it("authorises, captures and refunds, and counts what it did", async () => {
    const before = { ...sandbox.book.stats };
    const body = order();
    const authorized = await post("/v1/authorizations", `${body.reference}:a`, body);
    const captured = await post(`/v1/authorizations/${authorized.ref}/capture`, `${body.reference}:c`);
    const refunded = await post(`/v1/captures/${captured.ref}/refunds`, `${body.reference}:r`);
    assert.deepEqual([authorized.status, captured.status, refunded.status], [201, 200, 200]);
    const { body: seen } = await get(`/v1/authorizations/${body.reference}`);
    assert.deepEqual(seen["done"], { authorize: 1, capture: 1, void: 0, refund: 1 });
    assert.equal(seen["status"], "refunded");
    const { body: stats } = await get("/v1/stats");
    for (const name of ["authorizations", "captures", "refunds"] as const) assert.equal(stats[name], before[name] + 1);
  });

  it("answers a repeated key with the same answer, and does nothing again", async () => {
    const body = order();
    const first = await post("/v1/authorizations", "same", body);
    const again = await post("/v1/authorizations", "same", body);
    assert.deepEqual(again, { ...first, replayed: "true" });
    assert.equal(sandbox.book.find(body.reference)!.done.authorize, 1);
  });

  it("refuses a key that comes with another body, and a second order with a known reference", async () => {
    const body = order();
    await post("/v1/authorizations", "used", body);
    assert.equal((await post("/v1/authorizations", "used", { ...body, amount: 1 })).status, 422);
    assert.equal((await post("/v1/authorizations", "other", body)).status, 409);
  });

  it("refuses steps out of order", async () => {
    const body = order();
    const { ref } = await post("/v1/authorizations", `${body.reference}:a`, body);
    const captured = await post(`/v1/authorizations/${ref}/capture`, `${body.reference}:c`);
    assert.equal((await post(`/v1/authorizations/${ref}/capture`, `${body.reference}:c2`)).status, 409);
    assert.equal((await post(`/v1/authorizations/${body.reference}/void`, `${body.reference}:v`)).status, 409);
    await post(`/v1/captures/${captured.ref}/refunds`, `${body.reference}:r`);
    assert.equal((await post(`/v1/captures/${captured.ref}/refunds`, `${body.reference}:r2`)).status, 409);
    assert.equal((await post("/v1/authorizations/made-up/capture", "k1")).status, 404);
    assert.equal((await post("/v1/captures/made-up/refunds", "k2")).status, 404);
  });

  it("refunds in parts, each once, never more than was captured", async () => {
    const body = order();
    const { ref } = await post("/v1/authorizations", `${body.reference}:a`, body);
    const captured = await post(`/v1/authorizations/${ref}/capture`, `${body.reference}:c`);
    const refund = async (key: string, amount: unknown) =>
      (await post(`/v1/captures/${captured.ref}/refunds`, `${body.reference}:${key}`, { amount })).status;
    assert.deepEqual([await refund("r1", 4_000), await refund("r1", 4_000), await refund("r1", 1)], [200, 200, 422]);
    assert.deepEqual([await refund("r2", 201), await refund("r3", 0), await refund("r4", "1")], [409, 400, 400]);
    const standing = () => sandbox.book.find(body.reference)!;
    assert.deepEqual([standing().status, standing().refundedAmount, standing().done.refund], ["captured", 4_000, 1]);
    assert.equal(await refund("r5", undefined), 200);
    assert.deepEqual([standing().status, standing().refundedAmount], ["refunded", 4_200]);
    assert.equal(await refund("r6", 1), 409);
  });

  it("remembers the void of a reference that it has not seen, and refuses it when it arrives", async () => {
    const body = order();
    assert.equal((await post(`/v1/authorizations/${body.reference}/void`, `${body.reference}:v`)).status, 200);
    assert.equal((await post(`/v1/authorizations/${body.reference}/void`, `${body.reference}:v2`)).status, 200);
    const late = await post("/v1/authorizations", `${body.reference}:a`, body);
    assert.deepEqual([late.status, late.error?.code], [402, "authorization_voided"]);
    assert.equal(sandbox.book.find(body.reference)!.done.void, 1);
  });

  it("keeps a fee of each capture, says so with the answer or later, and again when asked", async () => {
    const kept = { amount: 88, currency: "EUR" };
    for (const [token, told] of [
      ["tok_approve", kept],
      ["tok_fee_later", undefined],
    ] as const) {
      const body = order(token);
      const authorized = await post("/v1/authorizations", `${body.reference}:a`, body);
      const captured = await post(`/v1/authorizations/${authorized.ref}/capture`, `${body.reference}:c`);
      assert.deepEqual((captured as { fee?: unknown }).fee, told);
      const asked = await get(`/v1/captures/${captured.ref}/fee`);
      assert.deepEqual(asked, { status: 200, body: { reference: body.reference, fee: kept } });
      assert.equal((await get(`/v1/captures/${authorized.ref}/fee`)).status, 404);
    }
  });

  it("captures and refunds what an earlier run authorised, but not what nobody did", async () => {
    const captured = await post("/v1/authorizations/auth.tok_approve.500.EUR.earlier-1/capture", "e1");
    assert.equal(captured.status, 200);
    assert.equal((await post("/v1/captures/cap.tok_approve.500.EUR.earlier-2/refunds", "e2")).status, 200);
    assert.equal((await get("/v1/authorizations/earlier-3")).status, 404);
  });

  describe("where the customer has to act", () => {
    const begin = async () => {
      const body = order("tok_3ds");
      const begun = (await post("/v1/authorizations", `${body.reference}:a`, body)) as Awaited<
        ReturnType<typeof post>
      > & {
        action_url: string;
      };
      assert.equal(begun.status, 202);
      return { reference: body.reference, ref: begun.ref!, url: begun.action_url };
    };
    const look = (ref: string) => get(`/v1/authorizations/${ref}/status`);

    it("shows a page with two buttons, and how it ended once one was pressed", async () => {
      const { reference, ref, url } = await begin();
      assert.equal((await look(ref)).status, 202);
      const page = async () => await (await fetch(url)).text();
      assert.match(await page(), /42\.00 EUR.*\/complete.*\/fail/s);
      const pressed = await fetch(`${url}/complete`, { method: "POST" });
      assert.deepEqual(await pressed.json(), { reference, status: "authorized" });
      assert.match(await page(), /This payment is authorized/);
      const found = await look(reference);
      assert.deepEqual([found.status, found.body["operation"], found.body["reference"]], [201, "lookup", reference]);
      assert.equal(
        (await post(`/v1/authorizations/${String(found.body["ref"])}/capture`, `${reference}:c`)).status,
        200,
      );
      assert.equal((await look(ref)).status, 409);
      assert.equal(sandbox.book.find(reference)!.done.authorize, 1);
    });

    it("leads a browser from a button back to the page, which shows how the payment stands", async () => {
      const browsers = [
        { accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
        { "content-type": "application/x-www-form-urlencoded" },
      ];
      for (const headers of browsers) {
        const { url } = await begin();
        const pressed = await fetch(`${url}/complete`, { method: "POST", headers, redirect: "manual" });
        assert.deepEqual([pressed.status, await pressed.text()], [303, ""]);
        assert.equal(new URL(pressed.headers.get("location")!, url).href, url);
        assert.match(await (await fetch(url)).text(), /This payment is authorized/);
      }
    });

    it("captures nothing before, and declines when the customer says no", async () => {
      const { reference, ref, url } = await begin();
      assert.equal((await post(`/v1/authorizations/${ref}/capture`, `${reference}:c`)).status, 404);
      await fetch(`${url}/fail`, { method: "POST" });
      const { status, body } = await look(ref);
      assert.deepEqual([status, body["error"]], [402, { code: "authentication_required" }]);
    });

    it("remembers by its ref what an earlier run began, and knows no other page", async () => {
      assert.equal((await look("act.tok_3ds.500.EUR.earlier-9")).status, 202);
      assert.equal((await look("nobody")).status, 404);
      const { url } = await begin();
      for (const [path, method] of [
        [`${sandbox.url}/actions/nobody`, "GET"],
        [`${sandbox.url}/actions/nobody/complete`, "POST"],
        [`${url}/complete`, "GET"],
        [url, "POST"],
        [`${url}/other`, "POST"],
      ] as const) {
        assert.equal((await fetch(path, { method })).status, 404, `${method} ${path}`);
      }
    });
  });

  it("knows disputes of captured payments only, in four statuses", async () => {
    const body = order();
    const { ref } = await post("/v1/authorizations", `${body.reference}:a`, body);
    const put = (status: unknown) =>
      fetch(`${sandbox.url}/v1/disputes/${body.reference}`, { method: "PUT", body: JSON.stringify({ status }) });
    assert.equal((await put("open")).status, 404);
    await post(`/v1/authorizations/${ref}/capture`, `${body.reference}:c`);
    assert.equal((await put("strange")).status, 400);
    assert.equal((await put("open")).status, 200);
    assert.equal((await get(`/v1/disputes/${body.reference}`)).body["status"], "open");
  });

  it("disputes a part where it is told so, and refunds no more than what is beyond it once that is lost", async () => {
    const body = order();
    const { ref } = await post("/v1/authorizations", `${body.reference}:a`, body);
    const captured = await post(`/v1/authorizations/${ref}/capture`, `${body.reference}:c`);
    const put = async (wish: object) =>
      (await fetch(`${sandbox.url}/v1/disputes/${body.reference}`, { method: "PUT", body: JSON.stringify(wish) }))
        .status;
    assert.deepEqual(
      [await put({ status: "open", amount: 0 }), await put({ status: "open", amount: 1_200 })],
      [400, 200],
    );
    assert.equal((await get(`/v1/disputes/${body.reference}`)).body["amount"], 1_200);
    const refund = async (amount: number, key: string) =>
      (await post(`/v1/captures/${captured.ref}/refunds`, `${body.reference}:${key}`, { amount })).status;
    assert.equal(await refund(1, "r1"), 402);
    await put({ status: "lost" });
    assert.deepEqual([await refund(3_001, "r2"), await refund(3_000, "r3")], [402, 200]);
  });

  it("lets a refund fail that was done, so that its amount can be refunded again", async () => {
    const body = order();
    const { ref } = await post("/v1/authorizations", `${body.reference}:a`, body);
    const captured = await post(`/v1/authorizations/${ref}/capture`, `${body.reference}:c`);
    const put = async (status: string) =>
      (await fetch(`${sandbox.url}/v1/refunds/${body.reference}`, { method: "PUT", body: JSON.stringify({ status }) }))
        .status;
    const refund = async (refundId: string) =>
      (await post(`/v1/captures/${captured.ref}/refunds`, `${body.reference}:${refundId}`, { refund_id: refundId }))
        .status;
    assert.deepEqual([await put("failed"), await refund("no id!"), await refund("f-1")], [404, 400, 200]);
    assert.deepEqual([await put("strange"), await put("failed"), await put("failed")], [400, 200, 404]);
    assert.equal(await refund("f-2"), 200);
    const { refunds } = (await get(`/v1/refunds/${body.reference}`)).body as { refunds: Record<string, unknown>[] };
    assert.deepEqual(
      refunds.map(({ refund_id: id, amount, status }) => [id, amount, status]),
      [
        ["f-1", 4_200, "failed"],
        ["f-2", 4_200, "succeeded"],
      ],
    );
  });

  it("is told where webhooks go, and takes no nonsense for it", async () => {
    const put = (wish: object) => fetch(`${sandbox.url}/v1/webhooks`, { method: "PUT", body: JSON.stringify(wish) });
    assert.equal((await put({ url: "nowhere" })).status, 400);
    assert.equal((await put({ url: 7 })).status, 400);
    assert.equal((await put({ held: true })).status, 200);
    assert.equal((await put({ held: false })).status, 200);
    assert.deepEqual((await get("/v1/webhooks")).body, { deliveries: [] });
  });

  it("forgets the oldest when it is full", async () => {
    const body = order();
    await post("/v1/authorizations", `${body.reference}:a`, body);
    for (let more = 0; more < 100; more += 1) {
      const next = order();
      await post("/v1/authorizations", `${next.reference}:a`, next);
    }
    assert.equal(sandbox.book.find(body.reference), undefined);
  });

  it("answers twice on one connection for tok_answers_twice", async () => {
    const body = JSON.stringify(order("tok_answers_twice"));
    const socket = connect(sandbox.port, "127.0.0.1");
    socket.write(
      `POST /v1/authorizations HTTP/1.1\r\nhost: x\r\nidempotency-key: twice\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    let received = "";
    for await (const chunk of socket) {
      received += String(chunk);
      if (received.split("HTTP/1.1 201").length === 3) break;
    }
    assert.equal(received.match(/"operation":"authorize"/g)!.length, 2);
  });

  it("refuses everything while it is switched off, and works again after", async () => {
    const outage = (body: string) => fetch(`${sandbox.url}/v1/outage`, { method: "PUT", body });
    assert.equal((await outage('{"down":"yes"}')).status, 400);
    assert.equal((await outage("no")).status, 400);
    await outage('{"down":true}');
    assert.equal((await post("/v1/authorizations", "x", order())).status, 503);
    assert.deepEqual(await get("/health"), { status: 200, body: { status: "ok" } });
    await outage('{"down":false}');
    assert.equal((await post("/v1/authorizations", "x", order())).status, 201);
  });

  it("survives nonsense", async () => {
    const body = order();
    const wrong: [string, string, unknown, number][] = [
      ["/v1/authorizations", "", body, 400],
      ["/v1/authorizations", "k", "{", 400],
      ["/v1/authorizations", "k", "7", 400],
      ["/v1/authorizations", "k", { ...body, reference: "a b" }, 400],
      ["/v1/authorizations", "k", { ...body, amount: -1 }, 400],
      ["/v1/authorizations", "k", { ...body, currency: "eur" }, 400],
      ["/v1/authorizations", "k", { ...body, payment_method: 7 }, 400],
      ["/v1/authorizations/a.b/void", "k", {}, 400],
      ["/v1/elsewhere", "k", {}, 404],
    ];
    for (const [path, key, sent, status] of wrong) assert.equal((await post(path, key, sent)).status, status, path);
    assert.equal((await get("/elsewhere")).status, 404);
    await assert.rejects(post("/v1/authorizations", "k", "x".repeat(20_000)));
    assert.equal((await get("/health")).status, 200);
  });
});
