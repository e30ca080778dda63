// Messages that are too large, inflate to too much, or do not inflate at all: a refusal each, at the public door and at the
// services behind it, and a process that lives on. What inflates runs beside the calls, where an error that nobody catches
// would end the process.

import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { ListEventsRequestSchema } from "#gen/boxoffice/edge/v1/event";
import {
  grpcHeaders,
  startAttackedSystem,
  targets,
  type AttackedSystem,
  type Target,
} from "../support/attacked-system.ts";
import { flags, frame, frameTypes, headerFrames, openRawHttp2, plainHeaders } from "../support/raw-http2.ts";

const words = Buffer.from("a message that could be compressed well, ".repeat(100));
const bomb = gzipSync(Buffer.alloc(32 << 20));

const badlyCompressed: [what: string, encoding: string | undefined, bytes: Buffer][] = [
  ["is not compressed at all", "gzip", words],
  ["is cut off", "gzip", gzipSync(words).subarray(0, -9)],
  ["has a wrong checksum", "gzip", Buffer.concat([gzipSync(words).subarray(0, -8), Buffer.alloc(8)])],
  ["is of another encoding than it says", "gzip", deflateSync(words)],
  ["is not deflated, though it says so", "deflate", words],
  ["has an encoding that nobody knows", "cow", words],
  ["names no encoding", undefined, gzipSync(words)],
];

describe("messages", function () {
  this.timeout(120_000);
  let system: AttackedSystem;

  before(async () => (system = await startAttackedSystem()));
  afterEach(() => system.assertServing());
  after(() => system?.stop());

  for (const target of targets) {
    describe(`to ${target.name}`, () => {
      it("are too large where they say that they have 4 GiB, which nobody waits for", async () => {
        assert.equal(
          await codeOf(target, grpcMessage(Buffer.alloc(8), { length: 0xffff_ffff })),
          Code.ResourceExhausted,
        );
      });

      it("are too large with 2 MiB", async () => {
        assert.equal(await codeOf(target, grpcMessage(Buffer.alloc(2 << 20))), Code.ResourceExhausted);
      });

      it("are too large when they inflate to 32 MiB, twenty of them at once", async () => {
        const message = grpcMessage(bomb, { isCompressed: true });
        const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(target, message, "gzip")));
        assert.deepEqual(new Set(codes), new Set([Code.ResourceExhausted]));
      });

      for (const [what, encoding, bytes] of badlyCompressed) {
        it(`are refused where one ${what}`, async () => {
          const message = grpcMessage(bytes, { isCompressed: true });
          const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(target, message, encoding)));
          assert.ok(!codes.includes(0), `it was taken: ${codes.join()}`);
        });
      }

      it("may be compressed and empty, which some take for an empty message", async () => {
        const code = await codeOf(target, grpcMessage(Buffer.alloc(0), { isCompressed: true }), "gzip");
        assert.ok([0, Code.Internal].includes(code), `${code}`);
      });

      it("are refused where two come instead of one", async () => {
        const empty = grpcMessage(Buffer.alloc(0));
        assert.notEqual(await codeOf(target, Buffer.concat([empty, empty])), 0);
      });

      it("may be taken back while they are inflated", async () => {
        const connection = await openRawHttp2(system.portOf(target));
        const headers = plainHeaders(grpcHeaders(target, { "grpc-encoding": "gzip" }));
        const cancel = Buffer.from([0, 0, 0, 8]);
        for (const [index, bytes] of [gzipSync(Buffer.alloc(1 << 20)), words].entries()) {
          const stream = 2 * index + 1;
          const message = grpcMessage(bytes, { isCompressed: true });
          connection.send(...headerFrames(stream, headers), frame(frameTypes.data, flags.endStream, stream, message));
          connection.send(frame(frameTypes.resetStream, flags.none, stream, cancel));
        }
        connection.send(frame(frameTypes.ping, flags.none, 0, Buffer.alloc(8)));
        assert.ok(await connection.next(frameTypes.ping));
        connection.destroy();
      });
    });
  }

  // Calls with one message in gRPC's framing; returns the code in the trailers, or in the headers where there are no others.
  async function codeOf(target: Target, message: Buffer, encoding?: string): Promise<number> {
    const session = connectHttp2(`http://127.0.0.1:${system.portOf(target)}`);
    session.on("error", () => {});
    try {
      const stream = session.request(grpcHeaders(target, encoding === undefined ? {} : { "grpc-encoding": encoding }));
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
  it("is right, so that what is refused is refused for what is in it", () => {
    const bytes = toBinary(ListEventsRequestSchema, create(ListEventsRequestSchema, { filter: "x" }));
    assert.deepEqual(grpcMessage(Buffer.from(bytes)), Buffer.of(0, 0, 0, 0, 3, 26, 1, 120));
  });
});

// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests, Length-Prefixed-Message
function grpcMessage(bytes: Buffer, { isCompressed = false, length = bytes.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}
