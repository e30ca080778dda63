// The admin port: /live, /ready and /metrics, apart from the port that callers use, so that a mesh can leave it open to
// the kubelet and the scraper only.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "./metrics.ts";

/** A running admin server. */
export type AdminServer = {
  /** The port it listens on. */
  port: number;
  /** Closes it, open connections too. */
  close(): Promise<void>;
};

/** How the service stands. */
export type Readiness = {
  /** Returns undefined when the service can work, otherwise why it can't. Asked on every probe; bounded by the caller. */
  notReadyBecause(): Promise<string | undefined>;
};

const readinessTimeoutMs = 2_000;

/** Listens on `port` (0 takes a free one) of `host`. */
export async function startAdminServer(options: {
  host: string;
  port: number;
  metrics: Registry;
  readiness: Readiness;
}): Promise<AdminServer> {
  const { host, port, metrics, readiness } = options;
  const server = createServer((request, response) => {
    const reply = (status: number, body: string, type = "text/plain; charset=utf-8") =>
      response.writeHead(status, { "content-type": type }).end(body);
    switch (request.url) {
      case "/live":
        return void reply(200, "live\n");
      case "/ready":
        return void withTimeout(readiness.notReadyBecause()).then(
          (reason) => reply(reason === undefined ? 200 : 503, `${reason ?? "ready"}\n`),
          (error: unknown) => reply(503, `${error instanceof Error ? error.message : "not ready"}\n`),
        );
      case "/metrics":
        return void metrics.metrics().then((text) => reply(200, text, metrics.contentType));
      default:
        return void reply(404, "/live, /ready and /metrics are here\n");
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function withTimeout<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${readinessTimeoutMs} ms`)), readinessTimeoutMs);
  });
  return await Promise.race([promise, timedOut]).finally(() => clearTimeout(timer));
}
