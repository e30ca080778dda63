// What a caller writes must come out as a value: never as a header, a trailer, a log line or a metric of its own.

import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { v7 as uuidv7 } from "uuid";
import { createLogger } from "#shared/logger";
import { curl, eventually, guest, organiser, publishEvent, reasonOf, type EdgeUser } from "../support/edge.ts";
import { exchangeRaw } from "../support/raw-http1.ts";
import { flags, frameTypes, headerFrames, openRawHttp2, plainHeaders } from "../support/raw-http2.ts";
import { startSystem, type System } from "../support/system.ts";

const path = "/boxoffice.edge.v1.EventService/ListEvents";
const reservationService = "boxoffice.edge.v1.ReservationService";
/** What an attacker would have a line of the log say. */
const forgedLine = '{"level":"error","service":"payment","event":"forged.line"}';
/** Characters that end a line somewhere: in HTTP, in JSON lines, in terminals. */
const lineEnds = ["\n", "\r\n", "\r", "\u2028", "\u0085", "\u001b[2K\r", "\u0000"];

describe("what a caller writes", function () {
  this.timeout(120_000);
  let system: System;
  let gatewayPort: number;
  let buyer: EdgeUser;
  const logged: { name: string; line: string }[] = [];

  before(async () => {
    const loud = { LOG_LEVEL: "debug" };
    system = await startSystem({
      settings: {
        inventory: loud,
        reservation: loud,
        payment: loud,
        gateway: { ...loud, CORS_ORIGINS: "https://shop.example" },
      },
      onLine: (name, line) => logged.push({ name, line }),
    });
    gatewayPort = system.portsOf("gateway").http!;
    await publishEvent(await organiser(system.gatewayUrl, system.issuerUrl));
    buyer = await guest(system.gatewayUrl);
  });
  after(() => system?.stop());

  describe("is no header", () => {
    it("where it ends lines in a path, a query or an origin", async () => {
      const injected = "%0d%0aset-cookie:%20session=stolen%0d%0a%0d%0a<script>";
      const origin = "https://shop.example%0d%0aset-cookie: session=stolen";
      for (const target of [`/${injected}`, `/${injected}?${injected}`, `${path}?encoding=json&message=${injected}`]) {
        const answer = await exchangeRaw(
          gatewayPort,
          `GET ${target} HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`,
        );
        assert.match(answer, /^HTTP\/1\.1 4\d\d /);
        assert.doesNotMatch(headOf(answer), /set-cookie|stolen/i);
      }
    });

    const malformed: [what: string, header: string][] = [
      ["a carriage return by itself", "x: a\rset-cookie: session=stolen\r\n"],
      ["a NUL", "x: a\0b\r\n"],
      ["a space before its colon", "x : a\r\n"],
      ["no name", ": a\r\n"],
      ["a line break in its name", "x\r\n y: a\r\nz\n: b\r\n"],
      ["two ways to say how long the body is", "transfer-encoding: chunked\r\ncontent-length: 5\r\n"],
      ["a transfer encoding that nobody knows", "transfer-encoding: chunked, cow\r\n"],
    ];
    for (const [what, header] of malformed) {
      it(`of a request that has ${what}: that is refused`, async () => {
        const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nconnection: close\r\ncontent-type: application/json\r\n`;
        const answer = await exchangeRaw(gatewayPort, `${head}${header}\r\n0\r\n\r\n`);
        assert.match(answer, /^HTTP\/1\.1 400 /);
        assert.doesNotMatch(answer, /stolen/);
      });
    }

    it("in an answer over HTTP/2, where lines could be ended in a value", async () => {
      for (const value of ["a\r\nset-cookie: session=stolen", "a\0b", "a\nb"]) {
        const connection = await openRawHttp2(gatewayPort);
        const headers = { ":method": "GET", ":scheme": "http", ":authority": "x", ":path": "/", origin: value };
        connection.send(...headerFrames(1, plainHeaders(headers), flags.endStream));
        const answer = await connection.next(frameTypes.headers, frameTypes.resetStream, frameTypes.goAway);
        assert.doesNotMatch(answer?.payload.toString("latin1") ?? "", /set-cookie|stolen/);
        connection.destroy();
      }
    });

    it("in gRPC's message, which quotes the field that it does not know", async () => {
      const key = `x\r\ngrpc-status: 0\r\nset-cookie: session=stolen ${"é"}`;
      const seen = await answerInGrpc(system.gatewayUrl, JSON.stringify({ [key]: 1 }));
      assert.equal(seen["grpc-status"], "3");
      assert.equal(seen["set-cookie"], undefined);
      assert.match(String(seen["grpc-message"]), /^[\x20-\x7e]+$/);
      assert.match(
        decodeURIComponent(String(seen["grpc-message"])),
        /set-cookie/,
        "it is quoted, so this tests something",
      );
    });

    it("and no fault, where it is half of a surrogate pair, which no encoding of an error's message can hold", async () => {
      const json = '{"\\ud800 \\udc00\\udc00":1,"filter":"\\ud800"}';
      assert.equal((await answerInGrpc(system.gatewayUrl, json))["grpc-status"], "3");
      const answer = await fetch(`${system.gatewayUrl}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: json,
      });
      assert.equal(answer.status, 400);
    });

    it("among gRPC-Web's trailers, which are lines of the body", async () => {
      const key = "x\r\ngrpc-status: 0\r\nset-cookie: session=stolen";
      const response = await fetch(`${system.gatewayUrl}${path}`, {
        method: "POST",
        headers: { "content-type": "application/grpc-web+json" },
        body: enveloped(JSON.stringify({ [key]: 1 })),
      });
      const text = Buffer.from(await response.arrayBuffer()).toString("latin1");
      const fields = text.split(/\r?\n/).map((line) => /^[^a-z]*([a-z-]+):/.exec(line)?.[1]);
      assert.ok(fields.includes("grpc-message") || response.headers.has("grpc-message"));
      assert.ok(!fields.includes("set-cookie"));
      assert.doesNotMatch(text, /grpc-status: 0/);
    });
  });

  describe("is no line of a log", () => {
    it("wherever it can be written", async () => {
      const wishes: unknown[] = [];
      for (const end of lineEnds) {
        const text = `x${end}${forgedLine}${end}`;
        wishes.push({ filter: text }, { pageToken: text }, { [text]: text });
        for (const method of ["GetReservation", "Checkout"]) {
          const body = { eventId: text, reservationId: text, paymentMethodToken: text, idempotencyKey: text };
          const { status } = await curl(`${system.gatewayUrl}/${reservationService}/${method}`, body, buyer.token);
          assert.equal(status, 400);
        }
      }
      for (const wish of wishes) await curl(`${system.gatewayUrl}${path}`, wish);
      const encoded = encodeURIComponent(`\n${forgedLine}\n`);
      for (const target of [`/${encoded}`, `${path}?message=${encoded}&encoding=json`, `${path}?${encoded}`]) {
        await exchangeRaw(gatewayPort, `GET ${target} HTTP/1.1\r\nHost: x\r\nconnection: close\r\n\r\n`);
      }
      // A host that no URL can have is a fault, whose cause is logged with what the caller wrote, and after all that came before.
      const quoted = await eventually("the log quotes a caller", async () => {
        const head = `POST ${path} HTTP/1.1\r\nHost: ${forgedLine}\r\ncontent-type: application/grpc-web+json`;
        await exchangeRaw(gatewayPort, `${head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        return logged.find(({ line }) => line.includes("forged.line"));
      });
      assert.equal(parsed(quoted.line)?.event, "http.request_failed");
      for (const { name, line } of logged) {
        assert.equal(typeof parsed(line)?.service, "string", `${name}: ${line}`);
        assert.notEqual(parsed(line)?.event, "forged.line", `${name}: ${line}`);
      }
    });

    it("even where the log quotes it: one event stays one line", () => {
      const written: string[] = [];
      const { write } = process.stdout;
      process.stdout.write = (chunk: string | Uint8Array) => written.push(String(chunk)) > 0;
      try {
        const log = createLogger({ service: "test", level: "info" });
        for (const end of lineEnds) {
          const text = `x${end}${forgedLine}${end}`;
          log.error({ event: text, [text]: text, error: new Error(text, { cause: new Error(text) }) });
        }
      } finally {
        process.stdout.write = write;
      }
      const lines = written.join("").split("\n").filter(Boolean);
      assert.equal(lines.length, lineEnds.length);
      for (const line of lines) assert.equal(parsed(line)?.service, "test");
    });
  });

  it("is no metric: labels come from closed lists", async () => {
    const marker = `marker${uuidv7().replaceAll("-", "")}`;
    await curl(`${system.gatewayUrl}/${marker}`, {}, `${marker}.${marker}`);
    await curl(`${system.gatewayUrl}/boxoffice.edge.v1.EventService/${marker}`, { [marker]: marker });
    await reasonOf(buyer.events.listEvents({ filter: `${marker}"} 1\n${marker}`, pageToken: marker }));
    for (const name of system.names()) {
      const { admin } = system.portsOf(name);
      if (admin === undefined) continue;
      const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      assert.match(metrics, /^boxoffice_/m);
      assert.ok(!metrics.includes(marker), name);
    }
  });
});

// Calls in gRPC with JSON; returns the headers and trailers that come back.
async function answerInGrpc(gatewayUrl: string, json: string): Promise<Record<string, unknown>> {
  const session = connectHttp2(gatewayUrl);
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc+json", te: "trailers" };
  const stream = session.request(headers);
  stream.end(enveloped(json));
  const seen: Record<string, unknown> = {};
  stream.on("response", (each) => Object.assign(seen, each));
  stream.on("trailers", (each) => Object.assign(seen, each));
  stream.resume();
  await once(stream, "close");
  session.destroy();
  return seen;
}

// Flags, a length of four bytes, the message.
function enveloped(message: string): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(message), 1);
  return Buffer.concat([head, Buffer.from(message)]);
}

function headOf(answer: string): string {
  return answer.split("\r\n\r\n", 1)[0]!;
}

function parsed(line: string): { service?: string; event?: string } | undefined {
  try {
    return JSON.parse(line) as { service?: string; event?: string };
  } catch {
    return undefined;
  }
}
