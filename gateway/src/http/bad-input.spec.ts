import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { toBinary, create } from "@bufbuild/protobuf";
import { CreateReservationRequestSchema } from "#gen/boxoffice/edge/v1/reservation";
import { frame, plainHeaders } from "../../../test/support/raw-http2.ts";
import { organiserToken, post, startTestGateway, tokenFor, type TestGateway, ways } from "../../test/harness.ts";
import { eventId, held, wish, wishJson } from "../../test/messages.ts";

const method = "ReservationService/CreateReservation";
const path = `/boxoffice.edge.v1.${method}`;

for (const { way, settings } of ways) {
  describe(`bad input at the edge, by ${way}`, () => {
    let gateway: TestGateway;
    let reserved = 0;
    const token = tokenFor("guest:1");

    before(async () => {
      gateway = await startTestGateway(settings);
      gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
        reserved += commands.length;
        return { outcomes: commands.map(() => held()) };
      };
    });
    afterEach(async () => {
      assert.equal(reserved, 0, "nothing may be reserved by bad input");
      const alive = await post(gateway.url, method, wishJson, { token });
      assert.equal(alive.status, 200, "the gateway goes on");
      reserved = 0;
    });
    after(() => gateway.stop());

    const selections: [string, object][] = [
      ["a quantity of 0", { bestAvailable: { quantity: 0 } }],
      ["a quantity of -1", { bestAvailable: { quantity: -1 } }],
      ["a quantity of 2^31", { bestAvailable: { quantity: 2 ** 31 } }],
      ["a quantity that is no number", { bestAvailable: { quantity: "two" } }],
      ["half a seat", { generalAdmission: { quantity: 0.5 } }],
      ["a missing area", { areaId: undefined, bestAvailable: { quantity: 1 } }],
      ["no selection", {}],
      ["two selections", { bestAvailable: { quantity: 1 }, generalAdmission: { quantity: 1 } }],
      ["a field that does not exist", { bestAvailable: { quantity: 1, splitt: true } }],
      ["an id that is no UUID", { reservationId: "1", bestAvailable: { quantity: 1 } }],
      [
        "a UUID of another version",
        { reservationId: "01890a5d-ac96-474b-bcce-b302099a8058", bestAvailable: { quantity: 1 } },
      ],
    ];
    for (const [what, selection] of selections) {
      it(`calls ${what} INVALID_ARGUMENT`, async () => {
        const { bestAvailable: _, ...valid } = wishJson;
        const answer = await post(gateway.url, method, { ...valid, ...selection }, { token });
        assert.deepEqual([answer.status, answer.body.code], [400, "invalid_argument"]);
        assert.ok(answer.body.message);
      });
    }

    it("calls an unknown enum value INVALID_ARGUMENT, by name and by number", async () => {
      for (const states of [["RESERVATION_STATE_LOST"], [99]]) {
        const answer = await post(gateway.url, "ReservationService/ListReservations", { states }, { token });
        assert.deepEqual([answer.status, answer.body.code], [400, "invalid_argument"]);
      }
    });

    const bodies: [string, string][] = [
      ["broken JSON", '{"eventId":'],
      ["no JSON at all", "quantity=2"],
      ["nothing", ""],
      ["an array", "[]"],
      ["bytes that are no text", "\u0000\uffff"],
      ["deep nesting", "[".repeat(20_000)],
    ];
    for (const [what, body] of bodies) {
      it(`calls a body of ${what} INVALID_ARGUMENT`, async () => {
        const answer = await post(gateway.url, method, body, { token });
        assert.deepEqual([answer.status, answer.body.code], [400, "invalid_argument"]);
      });
    }

    it("calls malformed binary INVALID_ARGUMENT", async () => {
      const whole = toBinary(CreateReservationRequestSchema, create(CreateReservationRequestSchema, wish));
      const response = await fetch(`${gateway.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/proto", authorization: `Bearer ${token}` },
        body: whole.slice(0, -3),
      });
      assert.deepEqual([response.status, await codeOf(response)], [400, "invalid_argument"]);
    });

    it("answers 413 to a body of 10 MB, announced or chunked, over either version of HTTP", async () => {
      const body = Buffer.alloc(10_000_000, " ");
      const announced = await fetch(`${gateway.url}${path}`, { method: "POST", headers: json, body });
      assert.deepEqual([announced.status, await codeOf(announced)], [413, "resource_exhausted"]);
      const chunked = await fetch(`${gateway.url}${path}`, {
        method: "POST",
        headers: json,
        body: new Blob([body]).stream(),
        duplex: "half",
      } as RequestInit);
      assert.deepEqual([chunked.status, await codeOf(chunked)], [413, "resource_exhausted"]);
      assert.equal(await postHttp2(gateway.port, body), 413);
    });

    it("answers 413 to a small body that inflates to a large one", async () => {
      const response = await fetch(`${gateway.url}${path}`, {
        method: "POST",
        headers: { ...json, "content-encoding": "gzip" },
        body: gzipSync(Buffer.alloc(10_000_000, " ")),
      });
      assert.deepEqual([response.status, await codeOf(response)], [413, "resource_exhausted"]);
    });

    it("takes a stadium's chart in CreateEvent, which may be larger than other requests", async () => {
      gateway.fakes.inventory.handlers.createEvent = async ({ areas }) => ({ event: { areas } });
      const seated = { rows: Array.from({ length: 400 }, (_, index) => ({ label: `Row ${index}`, seatCount: 40 })) };
      const price = { currencyCode: "EUR", amountMinor: "100" };
      const areas = Array.from({ length: 20 }, (_, index) => ({ areaId: `area-${index}`, price, seated }));
      const event = { eventId, name: "Big", startTime: "2030-01-01T00:00:00Z", areas };
      assert.ok(JSON.stringify(event).length > 200_000);
      const answer = await post(gateway.url, "EventService/CreateEvent", event, { token: organiserToken() });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.event.areas.length, 20);
    });

    it("refuses another content type and an unknown compression in words", async () => {
      for (const [headers, status, code] of [
        [{ "content-type": "application/x-www-form-urlencoded" }, 415, "unknown"],
        [{ "content-encoding": "zip" }, 501, "unimplemented"],
      ] as const) {
        const answer = await post(gateway.url, method, wishJson, { token, headers });
        assert.deepEqual([answer.status, answer.body.code], [status, code]);
      }
    });

    it("says what is here to whoever asks for something that is not", async () => {
      const missing = await post(gateway.url, "ReservationService/StealSeats", {});
      assert.deepEqual([missing.status, missing.body.code], [404, "unimplemented"]);
      assert.match(missing.body.message, /boxoffice\.edge\.v1\.ReservationService/);
      const root = await fetch(gateway.url);
      assert.equal(root.status, 200);
      assert.equal(((await root.json()) as { name: string }).name, "Boxoffice");
    });

    const rawRequests: [string, string, RegExp][] = [
      [
        "a malformed Host",
        `POST ${path} HTTP/1.1\r\nHost: [::bad\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
        /^HTTP\/1.1 40[01]/,
      ],
      [
        "no Host",
        `POST ${path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
        /^HTTP\/1.1 40[01]/,
      ],
      ["a path that is no path", "GET //% HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1.1 404/],
      [
        "a length that is no number",
        `POST ${path} HTTP/1.1\r\nHost: x\r\ncontent-length: many\r\n\r\n{}`,
        /^HTTP\/1.1 400/,
      ],
      [
        "two lengths",
        `POST ${path} HTTP/1.1\r\nHost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
        /^HTTP\/1.1 400/,
      ],
      ["endless headers", `POST ${path} HTTP/1.1\r\nHost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 431/],
      ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n", /^HTTP\/1.1 400/],
      ["a method that begins like HTTP/2", "PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1.1 /],
      ["half of the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", /^/],
    ];
    for (const [what, text, expected] of rawRequests) {
      it(`survives ${what}`, async () => {
        const socket = await open(gateway.port);
        socket.write(text);
        assert.match(await firstAnswer(socket), expected);
        socket.destroy();
      });
    }

    it("survives clients that leave in the middle of a body, and makes nothing of what they sent", async () => {
      const body = JSON.stringify(wishJson);
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
      const cuts = [
        `${head}content-length: ${body.length + 10}\r\n\r\n${body}`,
        `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n`,
      ];
      for (const cut of cuts) {
        for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
          const socket = await open(gateway.port);
          await new Promise<void>((resolve) => socket.write(cut, () => resolve()));
          socket[leave]();
          socket.resume();
          await once(socket, "close");
        }
      }
    });

    it("survives an HTTP/2 client that resets its stream in the middle of a body", async () => {
      const session = connectHttp2(gateway.url);
      const stream = session.request({ ":method": "POST", ":path": path, ...json });
      stream.on("error", () => {});
      stream.write('{"eventId"');
      await once(session, "remoteSettings");
      stream.close(8);
      await once(stream, "close");
      session.close();
      await once(session, "close");
    });
  });
}

describe("a reset HTTP/2 stream", () => {
  let gateway: TestGateway;
  before(async () => (gateway = await startTestGateway()));
  after(() => gateway.stop());

  const post = { ":method": "POST", ":path": path, ":scheme": "http", ":authority": "x" };
  const beginnings: Record<string, string>[] = [
    post,
    { ...post, expect: "100-continue" },
    { ...post, expect: "miracles" },
    { ":method": "CONNECT", ":authority": "x" },
  ];
  for (const headers of beginnings) {
    it(`is survived when it comes at once with its headers: ${JSON.stringify(headers)}`, async () => {
      const socket = await open(gateway.port);
      const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      const reset = frame(3, 0, 1, Buffer.from([0, 0, 0, 8]));
      socket.write(Buffer.concat([preface, frame(4, 0, 0), frame(1, 4, 1, plainHeaders(headers)), reset]));
      await firstAnswer(socket);
      // A pong comes when everything before the ping has been worked on.
      socket.write(frame(6, 0, 0, Buffer.from("anything")));
      let received = "";
      while (!received.includes("anything")) received += await firstAnswer(socket);
      socket.destroy();
    });
  }

  it("is not what a client that waits for 100 Continue gets", async () => {
    const session = connectHttp2(gateway.url);
    const stream = session.request({ ":method": "POST", ":path": path, ...json, expect: "100-continue" });
    await once(stream, "continue");
    stream.end("{}");
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    assert.equal(headers[":status"], 401);
    session.destroy();
  });
});

describe("bodies that take up too much room together", () => {
  let gateway: TestGateway;
  before(async () => (gateway = await startTestGateway({ BODIES_BYTES_MAX: "1048576" })));
  after(() => gateway.stop());

  it("make the one that has been arriving longest give way, with a time to come back", async () => {
    const start = () => {
      const head = `POST /boxoffice.edge.v1.EventService/CreateEvent HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\ncontent-length: 700000\r\n\r\n`;
      return open(gateway.port).then((socket) => (socket.write(head + " ".repeat(600_000)), socket));
    };
    const first = await start();
    const answered = firstAnswer(first);
    const second = await start();
    const answer = await answered;
    assert.match(answer, /^HTTP\/1.1 429/);
    assert.match(answer, /^retry-after: 1\r$/im);
    assert.match(answer, /"code":"resource_exhausted"/);
    second.write(" ".repeat(100_000));
    assert.match(await firstAnswer(second), /^HTTP\/1.1 400/, "the other one was read and found to be no JSON");
    for (const socket of [first, second]) socket.destroy();
  });
});

const json = { "content-type": "application/json" };

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

// Resolves with what the server sends first, or with nothing when it closes.
function firstAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1")));
    socket.once("close", () => resolve(""));
  });
}

async function postHttp2(port: number, body: Buffer): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":method": "POST", ":path": path, ...json });
  stream.on("error", () => {});
  stream.end(body);
  const [headers] = (await once(stream, "response")) as [{ ":status": number }];
  session.destroy();
  return headers[":status"];
}
