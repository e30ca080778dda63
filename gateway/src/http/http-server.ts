// One port for HTTP/1.1 and for HTTP/2 without TLS: the first bytes of a connection say which it is. A client of HTTP/2 that
// knows the server begins with "PRI * HTTP/2.0" (RFC 9113, section 3.4); no method of HTTP/1.1 begins with "PRI".
//
// The HTTP/1.1 server owns the listening socket, since its timeouts are only enforced while it listens.

import { createServer, type RequestListener as Http1Listener, ServerResponse } from "node:http";
import {
  constants,
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Front } from "#shared/process";
import type { RequestListener } from "./connect-handler.ts";
import type { ConnectionBound } from "./connection-bound.ts";

/** Bounds of the server. */
export type HttpLimits = {
  connectionsMax: number;
  /** Milliseconds for a connection's first bytes, and for a request's headers. */
  headersTimeoutMs: number;
  /** Milliseconds for a whole request to arrive. */
  requestTimeoutMs: number;
  /** Milliseconds from a request's headers until its client has taken the whole answer. */
  exchangeTimeoutMs: number;
  /** Milliseconds after which an idle connection is closed. */
  idleTimeoutMs: number;
  /** Most bytes of a request's headers. */
  headersBytesMax: number;
  /** Most requests at once on one HTTP/2 connection. */
  streamsMax: number;
};

/** A listening server. */
export type HttpServer = Front & { readonly connections: number };

/** A request whose answer has not been taken yet: its answer over HTTP/1.1, its stream over HTTP/2. Its end is by no wall clock. */
type Exchange = { endsAtMs: number; answer: ServerResponse | ServerHttp2Stream };

const prefaceStart = Buffer.from("PRI");
const sweepIntervalMs = 1_000;

/** Listens on `port` (0 takes a free one) of `host`. */
export async function startHttpServer(options: {
  host: string;
  port: number;
  limits: HttpLimits;
  listener: RequestListener;
  mayStay: ConnectionBound;
  onConnectionRefused: () => void;
}): Promise<HttpServer> {
  const { host, port, limits, listener } = options;
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  // In order of their beginnings, so that a sweep looks at those only that it cuts.
  const exchanges = new Set<Exchange>();
  let draining = false;

  function begin(answer: Exchange["answer"]): void {
    const exchange = { endsAtMs: performance.now() + limits.exchangeTimeoutMs, answer };
    exchanges.add(exchange);
    answer.on("close", () => exchanges.delete(exchange));
  }

  const sweep = setInterval(() => {
    const nowMs = performance.now();
    for (const exchange of exchanges) {
      if (exchange.endsAtMs > nowMs) break;
      exchanges.delete(exchange);
      cut(exchange);
    }
  }, sweepIntervalMs).unref();

  const http1 = createServer({
    // Node refuses one that is longer than the time for the whole request.
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    maxHeaderSize: limits.headersBytesMax,
    connectionsCheckingInterval: sweepIntervalMs,
  });
  http1.on("request", ((request, response) => {
    if (draining) response.setHeader("connection", "close");
    begin(response);
    listener(request, response);
  }) satisfies Http1Listener);
  http1.once("close", () => clearInterval(sweep));

  const http2 = createHttp2Server({
    settings: { maxConcurrentStreams: limits.streamsMax, maxHeaderListSize: limits.headersBytesMax },
    maxSessionMemory: 10,
  });
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
    // Calls in flight, if there are any, finish; a client that is still there after that does not read.
    session.setTimeout(limits.idleTimeoutMs, () => {
      session.close();
      setTimeout(() => session.destroy(), limits.exchangeTimeoutMs).unref();
    });
    if (draining) session.close();
  });
  http2.on("request", (request, response) => {
    // HTTP/1.1 has this timer built in.
    const timer = setTimeout(() => request.stream.close(), limits.requestTimeoutMs);
    const clear = () => clearTimeout(timer);
    request.once("end", clear);
    request.stream.once("close", clear);
    begin(request.stream);
    listener(request, response);
  });

  // Node's own answer throws where nobody can catch it when the stream was reset in the meantime, and ends the process.
  http2.on("checkContinue", (request, response) => {
    if (!request.stream.destroyed && !request.stream.closed) response.writeContinue();
    http2.emit("request", request, response);
  });

  const [serveHttp1] = http1.listeners("connection") as [(socket: Socket) => void];
  http1.removeAllListeners("connection");
  http1.maxConnections = limits.connectionsMax;
  http1.on("drop", options.onConnectionRefused);
  http1.on("connection", (socket: Socket) => {
    if (!options.mayStay(socket)) {
      socket.destroy();
      options.onConnectionRefused();
      return;
    }
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    sniff(socket, limits.headersTimeoutMs, (isHttp2) =>
      isHttp2 ? http2.emit("connection", socket) : serveHttp1.call(http1, socket),
    );
  });

  await new Promise<void>((resolve, reject) => http1.once("error", reject).listen(port, host, resolve));
  return {
    port: (http1.address() as AddressInfo).port,
    get connections() {
      return sockets.size;
    },
    // Balancers ask /ready on the admin port; until they have noticed, requests that still come are served.
    setServing: () => {},
    drain: () => {
      draining = true;
      const closed = new Promise<void>((resolve) => http1.close(() => resolve()));
      for (const { answer } of exchanges) {
        if (answer instanceof ServerResponse && !answer.headersSent) answer.setHeader("connection", "close");
      }
      for (const session of sessions) session.close();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      return closed;
    },
    // A call whose connection is gone is cancelled, down to the last hop.
    abort: () => sockets.forEach((socket) => socket.destroy()),
  };
}

function cut({ answer }: Exchange): void {
  if (answer instanceof ServerResponse) answer.req.socket.destroy();
  else answer.close(constants.NGHTTP2_CANCEL);
}

// Waits for as many bytes as tell the two apart, puts them back, and hands the connection on.
function sniff(socket: Socket, timeoutMs: number, handOver: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const give = () => socket.destroy();
  const timer = setTimeout(give, timeoutMs);
  socket
    .on("error", give)
    .on("end", give)
    .once("close", () => clearTimeout(timer));

  const look = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, prefaceStart.length);
    const looksHttp2 = seen.subarray(0, compared).equals(prefaceStart.subarray(0, compared));
    if (looksHttp2 && compared < prefaceStart.length) {
      socket.once("readable", look);
      return;
    }
    clearTimeout(timer);
    socket.off("error", give).off("end", give);
    socket.unshift(seen);
    // The server of HTTP/1.1 lets clients that have said all they have to say close their half. Of HTTP/2 nobody does: who
    // closes is gone, and would not be noticed before the connection counts as idle.
    if (looksHttp2) socket.allowHalfOpen = false;
    handOver(looksHttp2);
  };
  socket.once("readable", look);
}
