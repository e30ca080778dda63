// Floods and oversize: what a client can do with the connection itself, at the public door and at the services behind it.
// Nothing is demanded of an attacker's own answer but that there is an end to it; what counts is that everybody else is
// served, and that every process lives on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary, type DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { createGrpcClient, InventoryService, PaymentService, ReservationService } from "#stubs";
import { EventService, ListEventsRequestSchema } from "#gen/boxoffice/edge/v1/event";
import { dripUntilClosed, exchangeRaw } from "../support/raw-http1.ts";
import { bestOf, eventually, guest, organiser, publishEvent, type EdgeUser } from "../support/edge.ts";
import {
  flags,
  frame,
  frameTypes,
  headerFrames,
  openRawHttp2,
  plainHeaders,
  type RawHttp2,
} from "../support/raw-http2.ts";
import { startSystem, type System } from "../support/system.ts";

/** Where an attack goes: a process, and a method of it that takes no credentials. */
type Target = { name: string; method: DescMethod };

const gateway: Target = { name: "gateway", method: EventService.method.listEvents };
const targets: Target[] = [
  gateway,
  { name: "inventory", method: InventoryService.method.listEvents },
  { name: "reservation", method: ReservationService.method.listReservations },
  { name: "payment", method: PaymentService.method.getPayments },
];

const pathOf = ({ method }: Target) => `/${method.parent.typeName}/${method.name}`;

describe("the doors", function () {
  this.timeout(120_000);
  let system: System;
  let buyer: EdgeUser;
  let eventId: string;
  let processes: string[];

  before(async () => {
    system = await startSystem({
      settings: { gateway: { HEADERS_TIMEOUT_MS: "1000", REQUEST_TIMEOUT_MS: "2000" } },
    });
    processes = system.names();
    eventId = await publishEvent(await organiser(system.gatewayUrl, system.issuerUrl));
    buyer = await guest(system.gatewayUrl);
  });
  afterEach(assertServing);
  after(() => system?.stop());

  const portOf = ({ name }: Target) => {
    const { grpc, http } = system.portsOf(name);
    return (grpc ?? http)!;
  };
  const grpcHeaders = (target: Target, more: Record<string, string> = {}) => ({
    ":method": "POST",
    ":scheme": "http",
    ":authority": "x",
    ":path": pathOf(target),
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  });

  // A buyer is answered, for which all but payment are needed, and payment's caller too; and no process has ended.
  async function assertServing(): Promise<void> {
    assert.deepEqual(system.names(), processes, system.lastLines().slice(-20).join("\n"));
    // What is left of a flood may still be in the way for a moment.
    await eventually("a buyer is served", async () => {
      const wish = bestOf(eventId, 1);
      return await buyer.reservations
        .createReservation(wish)
        .then(() => buyer.reservations.cancelReservation(wish))
        .catch(() => undefined);
    });
    const payment = createGrpcClient(PaymentService, `127.0.0.1:${system.portsOf("payment").grpc}`);
    try {
      await payment.getPayments({ keys: [] }, { timeoutMs: 10_000 });
    } finally {
      payment.close();
    }
  }

  for (const target of targets) {
    describe(`of ${target.name}`, () => {
      it("send a client away that resets streams as fast as it opens them", async () => {
        const connection = await openRawHttp2(portOf(target));
        const headers = plainHeaders(grpcHeaders(target));
        const cancel = Buffer.from([0, 0, 0, 8]);
        for (let stream = 1; stream < 20_000; stream += 2) {
          connection.send(...headerFrames(stream, headers), frame(frameTypes.resetStream, flags.none, stream, cancel));
        }
        await sentAway(connection);
      });

      it("send a client away whose headers never end", async () => {
        const connection = await openRawHttp2(portOf(target));
        const more = plainHeaders({ x: "y".repeat(1_000) });
        connection.send(frame(frameTypes.headers, flags.none, 1, plainHeaders(grpcHeaders(target))));
        for (let count = 0; count < 1_000; count += 1) {
          connection.send(frame(frameTypes.continuation, flags.none, 1, more));
        }
        await sentAway(connection);
      });

      it("send a client away with a frame that is larger than any that was agreed on", async () => {
        const connection = await openRawHttp2(portOf(target));
        connection.send(...headerFrames(1, plainHeaders(grpcHeaders(target))));
        connection.send(frame(frameTypes.data, flags.none, 1, Buffer.alloc(1 << 20)));
        await sentAway(connection);
      });

      it("give no answer to headers of 200 KB", async () => {
        assert.equal(await isAnswered(target, 200_000), false);
      });

      it("live through a flood of pings and settings", async () => {
        const connection = await openRawHttp2(portOf(target));
        const ping = frame(frameTypes.ping, flags.none, 0, Buffer.alloc(8));
        for (let count = 0; count < 2_000; count += 1) {
          connection.send(...Array.from({ length: 10 }, () => ping), frame(frameTypes.settings, flags.none, 0));
        }
        await connection.next(frameTypes.ping, frameTypes.goAway);
        connection.destroy();
      });

      it("call a message that says it has 4 GiB too large, and don't wait for them", async () => {
        assert.equal(
          await grpcCodeOf(target, grpcMessage(Buffer.alloc(8), { length: 0xffff_ffff })),
          Code.ResourceExhausted,
        );
      });

      it("call a message of 2 MiB too large", async () => {
        assert.equal(await grpcCodeOf(target, grpcMessage(Buffer.alloc(2 << 20))), Code.ResourceExhausted);
      });

      it("call twenty small messages at once that inflate to 32 MiB each too large", async () => {
        const bomb = grpcMessage(gzipSync(Buffer.alloc(32 << 20)), { isCompressed: true });
        const codes = await Promise.all(
          Array.from({ length: 20 }, () => grpcCodeOf(target, bomb, { "grpc-encoding": "gzip" })),
        );
        assert.deepEqual(new Set(codes), new Set([Code.ResourceExhausted]));
      });

      it("answer others while a hundred calls are open that send nothing more", async () => {
        const connection = await openRawHttp2(portOf(target));
        for (let stream = 1; stream < 200; stream += 2) {
          connection.send(
            ...headerFrames(stream, plainHeaders(grpcHeaders(target))),
            frame(frameTypes.data, flags.none, stream, Buffer.of(0, 0)),
          );
        }
        await assertServing();
        connection.destroy();
        await connection.closed;
      });
    });
  }

  it("close on twenty clients that send their headers byte by byte, whatever they send", async () => {
    await Promise.all(
      Array.from({ length: 20 }, () =>
        dripUntilClosed(portOf(gateway), {
          start: `POST ${pathOf(gateway)} HTTP/1.1\r\nHost: x\r\n`,
          dripped: "x-header: value\r\n",
          everyMs: 50,
        }),
      ),
    );
  });

  it("close on twenty clients that send their bodies byte by byte", async () => {
    await Promise.all(
      Array.from({ length: 20 }, () =>
        dripUntilClosed(portOf(gateway), {
          start: `POST ${pathOf(gateway)} HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n`,
          dripped: " ",
          everyMs: 50,
        }),
      ),
    );
  });

  it("end an HTTP/2 request whose body comes byte by byte", async () => {
    const session = connectHttp2(system.gatewayUrl);
    const stream = session.request({ ":method": "POST", ":path": pathOf(gateway), "content-type": "application/json" });
    stream.on("error", () => {});
    const dripping = setInterval(() => {
      if (stream.writable) stream.write(" ");
    }, 50);
    await once(stream, "close").finally(() => clearInterval(dripping));
    session.destroy();
  });

  it("refuse headers of 20 KB, in one line or in a hundred", async () => {
    const hundred = Array.from({ length: 100 }, (_, index) => `x-${index}: ${"y".repeat(200)}\r\n`).join("");
    for (const headers of [`x: ${"y".repeat(20_000)}\r\n`, hundred]) {
      const head = `POST ${pathOf(gateway)} HTTP/1.1\r\nHost: x\r\n${headers}content-length: 0\r\n\r\n`;
      assert.match(await exchangeRaw(portOf(gateway), head), /^HTTP\/1\.1 431 /);
    }
  });

  it("give no answer to headers of 30 KB over HTTP/2, but one to headers of 8 KB", async () => {
    assert.equal(await isAnswered(gateway, 30_000), false);
    assert.equal(await isAnswered(gateway, 8_000), true);
  });

  it("answer 413 to twenty small JSON bodies at once that inflate to 32 MiB each", async () => {
    const body = gzipSync(Buffer.alloc(32 << 20, " "));
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const headers = { "content-type": "application/json", "content-encoding": "gzip" };
        const response = await fetch(`${system.gatewayUrl}${pathOf(gateway)}`, { method: "POST", headers, body });
        return response.status;
      }),
    );
    assert.deepEqual(new Set(statuses), new Set([413]));
  });

  // Calls with this many bytes of headers, and returns whether headers come back.
  async function isAnswered(target: Target, headersBytes: number): Promise<boolean> {
    const connection = await openRawHttp2(portOf(target));
    const large = Array.from({ length: headersBytes / 1_000 }, (_, index) => [`x-${index}`, "y".repeat(1_000)]);
    const headers = grpcHeaders(target, Object.fromEntries(large) as Record<string, string>);
    connection.send(...headerFrames(1, plainHeaders(headers), flags.endStream));
    const answer = await connection.next(frameTypes.resetStream, frameTypes.goAway, frameTypes.headers);
    connection.destroy();
    return answer?.type === frameTypes.headers;
  }

  // Calls with one message in gRPC's framing; returns the code in the trailers, or in the headers where there are no others.
  async function grpcCodeOf(target: Target, message: Buffer, more: Record<string, string> = {}): Promise<number> {
    const session = connectHttp2(`http://127.0.0.1:${portOf(target)}`);
    session.on("error", () => {});
    try {
      const stream = session.request(grpcHeaders(target, more));
      const status = new Promise<number>((resolve, reject) => {
        const look = (headers: Record<string, unknown>) => {
          if (headers["grpc-status"] !== undefined) resolve(Number(headers["grpc-status"]));
        };
        stream.on("response", look).on("trailers", look);
        stream.once("close", () => reject(new Error(`${target.name} closed the stream without a status`)));
      });
      stream.on("error", () => {});
      stream.resume().end(message);
      return await status;
    } finally {
      session.destroy();
    }
  }
});

describe("gRPC's framing in these tests", () => {
  it("is right, so that a refusal is of the size alone", () => {
    const bytes = toBinary(ListEventsRequestSchema, create(ListEventsRequestSchema, { filter: "x" }));
    assert.deepEqual(grpcMessage(Buffer.from(bytes)), Buffer.of(0, 0, 0, 0, 3, 26, 1, 120));
  });
});

// The server ends the connection, or says that it will.
async function sentAway(connection: RawHttp2): Promise<void> {
  await connection.next(frameTypes.goAway);
  connection.destroy();
}

// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests, Length-Prefixed-Message
function grpcMessage(bytes: Buffer, { isCompressed = false, length = bytes.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}
