import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetEventRequestSchema } from "#gen/boxoffice/edge/v1/event";
import { startFakes, type Fakes } from "../../test/fakes.ts";
import { startTestGateway, tokenFor, until, ways, type TestGateway } from "../../test/harness.ts";
import { eventId, eventOf, held, wishJson } from "../../test/messages.ts";

describe("the lean way", () => {
  let fakes: Fakes;
  let lean: TestGateway;
  let router: TestGateway;

  before(async () => {
    fakes = await startFakes();
    fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
    fakes.reservation.handlers.createReservations = async ({ commands }) => ({ outcomes: commands.map(() => held()) });
    lean = await startTestGateway(ways[0]!.settings, fakes);
    router = await startTestGateway(ways[1]!.settings, fakes);
  });
  after(async () => {
    await lean.stop();
    await router.stop();
    await fakes.stop();
  });

  type Sent = { path?: string; headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> };
  const binary = new Uint8Array(toBinary(GetEventRequestSchema, create(GetEventRequestSchema, { eventId })));
  const same: [what: string, sent: Sent][] = [
    ["a call in JSON", {}],
    ["a call in JSON that names its character set", { headers: { "content-type": "application/json; charset=utf-8" } }],
    ["a call in binary", { headers: { "content-type": "application/proto" }, body: binary }],
    ["a call with Connect's headers", { headers: { "connect-protocol-version": "1", "connect-timeout-ms": "5000" } }],
    ["an empty message", { body: "{}" }],
    ["a call without a session", { path: "ReservationService/CreateReservation", body: JSON.stringify(wishJson) }],
    [
      "a reservation",
      {
        path: "ReservationService/CreateReservation",
        body: JSON.stringify(wishJson),
        headers: { authorization: `Bearer ${tokenFor("guest:lean")}` },
      },
    ],
    ["a method that is not there", { path: "EventService/Nothing" }],
    ["a type of content that is not spoken", { headers: { "content-type": "text/plain" } }],
  ];
  for (const [what, sent] of same) {
    it(`answers ${what} as the router does`, async () => {
      const [one, other] = [await answerOf(lean, sent), await answerOf(router, sent)];
      assert.deepEqual(one, other);
    });
  }

  const malformed: [what: string, sent: Sent][] = [
    ["broken JSON", { body: "{" }],
    ["an empty body", { body: "" }],
    ["an unknown field", { body: '{"evntId":"x"}' }],
    ["malformed binary", { headers: { "content-type": "application/proto" }, body: new Uint8Array([255, 255]) }],
    ["a timeout that is no number", { headers: { "connect-timeout-ms": "soon" } }],
  ];
  for (const [what, sent] of malformed) {
    it(`calls ${what} INVALID_ARGUMENT, as the router does`, async () => {
      for (const gateway of [lean, router]) {
        const { status, body } = await answerOf(gateway, sent);
        assert.deepEqual([status, (body as { code: string }).code], [400, "invalid_argument"]);
      }
    });
  }

  it("leaves compressed requests to the router", async () => {
    const { gzipSync } = await import("node:zlib");
    const body = new Uint8Array(gzipSync(JSON.stringify({ eventId })));
    const answer = await answerOf(lean, { headers: { "content-encoding": "gzip" }, body });
    assert.equal(answer.status, 200);
  });

  it("compresses large answers for whoever takes gzip, as the router does", async () => {
    const rows = Array.from({ length: 500 }, (_, index) => ({ label: `R${index}`, seatCount: 40 }));
    const event = eventOf();
    const [area] = event.areas;
    const large = { ...event, areas: [{ ...area!, layout: { case: "seated" as const, value: { rows } } }] };
    fakes.inventory.handlers.getEvent = async () => ({ event: large });
    for (const gateway of [lean, router]) {
      const [plain, zipped] = [
        await post(gateway, { headers: { "accept-encoding": "identity" } }),
        await post(gateway, { headers: { "accept-encoding": "br;q=0.9, gzip" } }),
      ];
      assert.equal(plain.headers.get("content-encoding"), null);
      assert.equal(zipped.headers.get("content-encoding"), "gzip");
      assert.deepEqual(await zipped.json(), await plain.json());
    }
    fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
    const small = await post(lean, { headers: { "accept-encoding": "gzip" } });
    assert.equal(small.headers.get("content-encoding"), null);
    await small.arrayBuffer();
  });

  it("tells the services when its client goes away", async () => {
    let aborted = false;
    const asked = new Promise<void>((resolve) => {
      fakes.inventory.handlers.getEvent = async (_, call) => {
        call.signal.addEventListener("abort", () => (aborted = true));
        resolve();
        await new Promise((leave) => call.signal.addEventListener("abort", leave));
        return { event: eventOf() };
      };
    });
    const client = new AbortController();
    const failed = assert.rejects(post(lean, {}, client.signal));
    await asked;
    client.abort();
    await failed;
    await until("the service was told", () => aborted);
  });

  function post(gateway: TestGateway, { path = "EventService/GetEvent", headers, body }: Sent, signal?: AbortSignal) {
    return fetch(`${gateway.url}/boxoffice.edge.v1.${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: body ?? JSON.stringify({ eventId }),
      ...(signal && { signal }),
    });
  }

  async function answerOf(gateway: TestGateway, sent: Sent) {
    const response = await post(gateway, sent);
    const type = response.headers.get("content-type");
    const bytes = Buffer.from(await response.arrayBuffer());
    const body: unknown = type === "application/json" ? JSON.parse(bytes.toString()) : bytes;
    return { status: response.status, type, authenticate: response.headers.get("www-authenticate"), body };
  }
});
