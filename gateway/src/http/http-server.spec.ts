import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { EventService } from "#gen/boxoffice/edge/v1/event";
import { clientOf, startTestGateway, until, type TestGateway } from "../../test/harness.ts";
import { eventId, eventOf } from "../../test/messages.ts";
import { flags, frame, frameTypes, headerFrames, openRawHttp2, plainHeaders } from "../../../test/support/raw-http2.ts";
import { startHttpServer } from "./http-server.ts";

const path = "/boxoffice.edge.v1.EventService/GetEvent";
const body = JSON.stringify({ eventId });
const http1Request = `POST ${path} HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

describe("HTTP server", () => {
  let gateway: TestGateway;
  const start = async (settings: Record<string, string> = {}) => {
    gateway = await startTestGateway(settings);
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
  };
  afterEach(() => gateway.stop());

  it("understands a request that arrives byte by byte", async () => {
    await start();
    const socket = await open(gateway.port);
    socket.setNoDelay(true);
    for (const byte of http1Request) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1.1 200/);
    socket.destroy();
  });

  it("understands the preface of HTTP/2 that arrives byte by byte", async () => {
    await start();
    const socket = await open(gateway.port);
    const original = socket.write.bind(socket);
    // The session writes its preface first; it is let through in single bytes.
    socket.write = ((chunk: Uint8Array, ...rest: never[]) => {
      for (const byte of chunk) original(Buffer.of(byte));
      const done = rest.find((each) => typeof each === "function") as (() => void) | undefined;
      if (done) setImmediate(done);
      return true;
    }) as typeof socket.write;
    socket.setNoDelay(true);
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(preface);
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.equal(answer[3], constants.NGHTTP2_SETTINGS_HEADER_TABLE_SIZE + 3, "the server's SETTINGS frame");
    socket.destroy();
  });

  it("closes connections that say nothing, or nothing more, in time", async () => {
    await start({ HEADERS_TIMEOUT_MS: "200", REQUEST_TIMEOUT_MS: "400" });
    for (const beginning of ["", "P", "PR", "POST / HT", http1Request.slice(0, -5)]) {
      const socket = await open(gateway.port);
      socket.write(beginning);
      socket.resume();
      await once(socket, "close");
    }
  });

  it("closes an HTTP/2 request whose body does not end in time", async () => {
    await start({ REQUEST_TIMEOUT_MS: "200" });
    const session = connectHttp2(gateway.url);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
    stream.on("error", () => {});
    stream.write("{");
    await once(stream, "close");
    session.destroy();
  });

  it("lets a call finish that takes longer than a connection may lie idle", async () => {
    await start({ IDLE_TIMEOUT_MS: "100" });
    gateway.fakes.inventory.handlers.getEvent = async () => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      return { event: eventOf() };
    };
    for (const protocol of ["Connect, JSON, HTTP/1.1", "Connect, JSON, HTTP/2"] as const) {
      const { event } = await clientOf(EventService, gateway.url, { protocol }).getEvent({ eventId });
      assert.equal(event?.eventId, eventId);
    }
  });

  it("cuts clients that don't take their answer, over either version of HTTP", async () => {
    await start({ REQUEST_TIMEOUT_MS: "500", TIMEOUT_MAX_MS: "3000" });
    const seats = "F".repeat(2_000);
    const rows = Array.from({ length: 5_000 }, (_, index) => ({ label: `${index}`, seats }));
    gateway.fakes.inventory.handlers.getAvailability = async () => ({ eventId, state: 2, areas: [{ rows }] });
    const availability = "/boxoffice.edge.v1.EventService/GetAvailability";
    const http1 = await open(gateway.port);
    http1.write(http1Request.replace(path, availability));
    const [begun] = (await once(http1, "data")) as [Buffer];
    assert.match(begun.toString(), /^HTTP\/1.1 200/);
    http1.pause();
    const session = connectHttp2(gateway.url, { settings: { initialWindowSize: 100 } });
    const stream = session.request({
      ":method": "POST",
      ":path": availability,
      "content-type": "application/json",
    });
    stream.on("error", () => {}).end(body);
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    assert.equal(headers[":status"], 200);
    await once(stream, "close");
    await until("the connections are closed", async () => {
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return metrics.includes("boxoffice_edge_connections 1\n");
    });
    http1.destroy();
    session.destroy();
  });

  it("lets go of an HTTP/2 connection whose client went without a word, and of what it asked for", async () => {
    await start();
    let running = false;
    let cancelled = false;
    gateway.fakes.inventory.handlers.getEvent = async (_, { signal }) => {
      running = true;
      await once(signal, "abort");
      cancelled = true;
      return { event: eventOf() };
    };
    const connection = await openRawHttp2(gateway.port);
    const headers = { ":method": "POST", ":scheme": "http", ":authority": "x", ":path": path };
    const call = headerFrames(1, plainHeaders({ ...headers, "content-type": "application/json" }));
    connection.send(...call, frame(frameTypes.data, flags.endStream, 1, Buffer.from(body)));
    await until("the call runs", () => running);
    connection.destroy();
    await until("it is cancelled", () => cancelled);
    await until("the connection is closed", async () => {
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return metrics.includes("boxoffice_edge_connections 0\n");
    });
  });

  it("closes connections that lie idle", async () => {
    await start({ IDLE_TIMEOUT_MS: "100" });
    const http1 = await open(gateway.port);
    http1.write(http1Request);
    http1.resume();
    await once(http1, "close");
    const http2 = connectHttp2(gateway.url);
    await once(http2, "close");
  });

  it("refuses connections beyond the maximum and counts them", async () => {
    await start({ CONNECTIONS_MAX: "1" });
    const first = await open(gateway.port);
    first.write(http1Request);
    await once(first, "data");
    const second = await open(gateway.port);
    second.resume();
    await once(second, "close");
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    assert.match(metrics, /boxoffice_edge_connections_refused_total 1/);
    assert.match(metrics, /boxoffice_edge_connections 1/);
    first.destroy();
  });

  it("refuses an address connections beyond its maximum, and serves the others", async () => {
    await start({ CONNECTIONS_PER_ADDRESS_MAX: "2" });
    const kept = [await open(gateway.port), await open(gateway.port)];
    const third = await open(gateway.port);
    await once(third.resume(), "close");
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    assert.match(metrics, /boxoffice_edge_connections_refused_total 1/);
    assert.match(metrics, /boxoffice_edge_connections 2/);
    const answerAt = async (localAddress: string) => {
      const socket = await open(gateway.port, localAddress);
      socket.write(http1Request.replace("Host: x", "Host: x\r\nconnection: close"));
      const answer = Buffer.concat((await socket.toArray()) as Buffer[]);
      return answer.toString().slice(0, 12);
    };
    assert.equal(await answerAt("127.0.0.2"), "HTTP/1.1 200");
    kept[0]!.destroy();
    await until("it has room again", async () => (await answerAt("127.0.0.1").catch(() => "")) === "HTTP/1.1 200");
    kept[1]!.destroy();
  });

  it("refuses a trusted proxy nothing that is within the maximum of all", async () => {
    await start({ CONNECTIONS_PER_ADDRESS_MAX: "1", TRUSTED_PROXIES: "127.0.0.0/8" });
    const first = await open(gateway.port);
    const second = await open(gateway.port);
    second.write(http1Request);
    const [answer] = (await once(second, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1.1 200/);
    first.destroy();
    second.destroy();
  });

  it("is ready while inventory and reservation can be reached, with or without Redis and payment", async () => {
    await start({ REDIS_URL: "redis://127.0.0.1:1" });
    await gateway.fakes.payment.stop();
    const ready = async () => await fetch(`${gateway.adminUrl}/ready`);
    assert.equal((await ready()).status, 200);
    await gateway.fakes.inventory.stop();
    await until("it is unready", async () => (await ready()).status === 503);
    assert.match(await (await ready()).text(), /inventory can't be reached/);
    await gateway.fakes.inventory.start();
    await until("it is ready again", async () => (await ready()).status === 200);
    assert.equal((await fetch(`${gateway.adminUrl}/live`)).status, 200);
  });

  it("finishes what is in flight over HTTP/1.1 and HTTP/2 when it stops, and takes nothing new", async () => {
    await start();
    let finish = () => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let running = 0;
    gateway.fakes.inventory.handlers.getEvent = async () => {
      running += 1;
      await finished;
      return { event: eventOf() };
    };
    const silent = await open(gateway.port);
    const silentClosed = once(silent.resume(), "close");
    const agent = new Agent({ keepAlive: true });
    const kept = new Promise<string | undefined>((resolve, reject) => {
      const options = { method: "POST", agent, headers: { "content-type": "application/json" } };
      httpRequest(`${gateway.url}${path}`, options, (response) => resolve(response.headers.connection))
        .on("error", reject)
        .end(body);
    });
    const http2 = clientOf(EventService, gateway.url, { protocol: "Connect, JSON, HTTP/2" }).getEvent({ eventId });
    await until("both run", () => running === 2);
    const stopped = gateway.lifecycle.stop("test");
    await until("it takes nothing new", () =>
      open(gateway.port).then(
        (socket) => (socket.destroy(), false),
        () => true,
      ),
    );
    await silentClosed;
    finish();
    assert.equal(await kept, "close");
    assert.equal((await http2).event?.eventId, eventId);
    await stopped;
    agent.destroy();
  });
});

describe("HTTP server that must end", () => {
  const { now } = Date;
  afterEach(() => void (Date.now = now));

  it("cuts what is not done in time, though the clock was set back meanwhile", async () => {
    const setBack = () => (Date.now = () => now() - 3_600_000);
    const server = await startBare({ listener: setBack, exchangeTimeoutMs: 100 });
    await assert.rejects(fetch(`http://127.0.0.1:${server.port}`));
    await server.drain();
  });

  it("cuts what does not finish", async () => {
    let asked = () => {};
    const running = new Promise<void>((resolve) => (asked = resolve));
    const server = await startBare({ listener: () => asked() });
    const failed = assert.rejects(fetch(`http://127.0.0.1:${server.port}`));
    await running;
    const drained = server.drain();
    server.abort();
    await Promise.all([failed, drained]);
    assert.equal(server.connections, 0);
  });
});

function startBare({ listener, exchangeTimeoutMs = 10_000 }: { listener: () => void; exchangeTimeoutMs?: number }) {
  return startHttpServer({
    host: "127.0.0.1",
    port: 0,
    limits: {
      connectionsMax: 10,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 10_000,
      exchangeTimeoutMs,
      idleTimeoutMs: 10_000,
      headersBytesMax: 16_384,
      streamsMax: 10,
    },
    listener,
    mayStay: () => true,
    onConnectionRefused: () => {},
  });
}

async function open(port: number, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  await once(socket, "connect");
  socket.on("error", () => {});
  return socket;
}
