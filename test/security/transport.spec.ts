// Floods and slowness: what a client can do with the connection itself, at the public door and at the services behind it.
// Nothing is demanded of an attacker's own answer but that there is an end to it; what counts is that everybody else is
// served, and that every process lives on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import {
  gateway,
  grpcHeaders,
  pathOf,
  startAttackedSystem,
  targets,
  type AttackedSystem,
  type Target,
} from "../support/attacked-system.ts";
import { dripUntilClosed, exchangeRaw } from "../support/raw-http1.ts";
import {
  flags,
  frame,
  frameTypes,
  headerFrames,
  openRawHttp2,
  plainHeaders,
  type RawHttp2,
} from "../support/raw-http2.ts";

/** Nothing but the offence ends a connection this early. */
const soonMs = 10_000;

describe("the doors", function () {
  this.timeout(120_000);
  let system: AttackedSystem;

  before(async () => {
    // Who is sent away must have been for what it did, and not for lying idle.
    const patience = { IDLE_TIMEOUT_MS: "3600000" };
    system = await startAttackedSystem({ ...patience, HEADERS_TIMEOUT_MS: "1000", REQUEST_TIMEOUT_MS: "2000" });
  });
  afterEach(() => system.assertServing());
  after(() => system?.stop());

  for (const target of targets) {
    describe(`of ${target.name}`, () => {
      it("send a client away that resets streams as fast as it opens them", async () => {
        const connection = await openRawHttp2(system.portOf(target));
        const headers = plainHeaders(grpcHeaders(target));
        const cancel = Buffer.from([0, 0, 0, 8]);
        for (let stream = 1; stream < 20_000; stream += 2) {
          connection.send(...headerFrames(stream, headers), frame(frameTypes.resetStream, flags.none, stream, cancel));
        }
        await sentAway(connection);
      });

      it("send a client away whose headers never end", async () => {
        const connection = await openRawHttp2(system.portOf(target));
        const more = plainHeaders({ x: "y".repeat(1_000) });
        connection.send(frame(frameTypes.headers, flags.none, 1, plainHeaders(grpcHeaders(target))));
        for (let count = 0; count < 1_000; count += 1) {
          connection.send(frame(frameTypes.continuation, flags.none, 1, more));
        }
        await sentAway(connection);
      });

      it("send a client away with a frame that is larger than any that was agreed on", async () => {
        const connection = await openRawHttp2(system.portOf(target));
        connection.send(...headerFrames(1, plainHeaders(grpcHeaders(target))));
        connection.send(frame(frameTypes.data, flags.none, 1, Buffer.alloc(1 << 20)));
        await sentAway(connection);
      });

      it("give no answer to headers of 200 KB", async () => {
        assert.equal(await isAnswered(target, 200_000), false);
      });

      it("live through a flood of pings and settings", async () => {
        const connection = await openRawHttp2(system.portOf(target));
        const ping = frame(frameTypes.ping, flags.none, 0, Buffer.alloc(8));
        for (let count = 0; count < 2_000; count += 1) {
          connection.send(...Array.from({ length: 10 }, () => ping), frame(frameTypes.settings, flags.none, 0));
        }
        await connection.next(frameTypes.ping, frameTypes.goAway);
        connection.destroy();
      });

      it("answer others while a hundred calls are open that send nothing more", async () => {
        const connection = await openRawHttp2(system.portOf(target));
        for (let stream = 1; stream < 200; stream += 2) {
          connection.send(
            ...headerFrames(stream, plainHeaders(grpcHeaders(target))),
            frame(frameTypes.data, flags.none, stream, Buffer.of(0, 0)),
          );
        }
        await system.assertServing();
        connection.destroy();
        await connection.closed;
      });
    });
  }

  it("close on twenty clients that send their headers byte by byte, whatever they send", async () => {
    await Promise.all(
      Array.from({ length: 20 }, () =>
        dripUntilClosed(system.portOf(gateway), {
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
        dripUntilClosed(system.portOf(gateway), {
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
      assert.match(await exchangeRaw(system.portOf(gateway), head), /^HTTP\/1\.1 431 /);
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
    const connection = await openRawHttp2(system.portOf(target));
    const large = Array.from({ length: headersBytes / 1_000 }, (_, index) => [`x-${index}`, "y".repeat(1_000)]);
    const headers = grpcHeaders(target, Object.fromEntries(large) as Record<string, string>);
    connection.send(...headerFrames(1, plainHeaders(headers), flags.endStream));
    const answer = await connection.next(frameTypes.resetStream, frameTypes.goAway, frameTypes.headers);
    connection.destroy();
    return answer?.type === frameTypes.headers;
  }
});

// The server ends the connection, or says that it will, and what was wrong (RFC 9113, section 6.8; 0 is no error).
async function sentAway(connection: RawHttp2): Promise<void> {
  const end = await Promise.race([connection.next(frameTypes.goAway), sleep(soonMs, "stays", { ref: false })]);
  connection.destroy();
  assert.notEqual(end, "stays", `nobody is sent away within ${soonMs} ms`);
  if (typeof end === "object") assert.notEqual(end.payload.readUInt32BE(4), 0, "it is sent away for no fault");
}
