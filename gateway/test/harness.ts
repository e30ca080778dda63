// A gateway inside the test's process, in front of faked services and the tests' real Redis.

import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Client, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Role } from "#gen/boxoffice/edge/v1/session";
import type { Lifecycle } from "#shared/lifecycle";
import { startProcess } from "#shared/process";
import { testSetting } from "../../test/support/database.ts";
import { developmentSecret, readGatewayConfig } from "../src/config.ts";
import { buildGateway } from "../src/gateway.ts";
import { createSessionTokens } from "../src/session/session-token.ts";
import { startFakes, type Fakes } from "./fakes.ts";

/** A running gateway with its faked services. */
export type TestGateway = {
  url: string;
  port: number;
  adminUrl: string;
  fakes: Fakes;
  lifecycle: Lifecycle;
  stop(): Promise<void>;
};

/** The two ways that plain unary calls can take; specs of what clients see run on both. */
export const ways = [
  { way: "the lean way", settings: { LEAN_EDGE: "true" } },
  { way: "the router", settings: { LEAN_EDGE: "false" } },
];

/** Starts a gateway; `settings` replace the usual ones, `fakes` are shared when given. */
export async function startTestGateway(settings: Record<string, string> = {}, fakes?: Fakes): Promise<TestGateway> {
  const services = fakes ?? (await startFakes());
  const config = readGatewayConfig({
    NODE_ENV: "test",
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    LOG_LEVEL: "silent",
    INVENTORY_TARGET: services.inventory.target,
    RESERVATION_TARGET: services.reservation.target,
    PAYMENT_TARGET: services.payment.target,
    REDIS_URL: testSetting("TEST_REDIS_URL"),
    ...settings,
  });
  const { port, adminPort, lifecycle } = await startProcess("gateway", config, buildGateway);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    fakes: services,
    lifecycle,
    async stop() {
      await lifecycle.stop("test");
      if (!fakes) await services.stop();
    },
  };
}

/** Returns a token of a session that the gateway accepts. */
export function tokenFor(
  subject: string,
  options: { roles?: Role[]; secret?: string; expiresAtMs?: number } = {},
): string {
  const { roles = [], secret = developmentSecret, expiresAtMs = Date.now() + 3_600_000 } = options;
  return createSessionTokens(secret).sign({ subject, roles, expiresAtMs });
}

/** Returns an organiser's token. */
export function organiserToken(subject = "organiser-1"): string {
  return tokenFor(subject, { roles: [Role.ORGANISER] });
}

/** Ways to speak to the gateway. */
export const protocols = {
  "Connect, JSON, HTTP/1.1": (baseUrl: string, interceptors: Interceptor[]): Transport =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors }),
  "Connect, JSON, HTTP/2": (baseUrl: string, interceptors: Interceptor[]) =>
    createConnectTransport({ baseUrl, httpVersion: "2", interceptors }),
  "Connect, binary, HTTP/1.1": (baseUrl: string, interceptors: Interceptor[]) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true, interceptors }),
  "Connect, GET, HTTP/1.1": (baseUrl: string, interceptors: Interceptor[]) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true, interceptors }),
  "gRPC, HTTP/2": (baseUrl: string, interceptors: Interceptor[]) => createGrpcTransport({ baseUrl, interceptors }),
  "gRPC-Web, HTTP/1.1": (baseUrl: string, interceptors: Interceptor[]) =>
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1", interceptors }),
} as const;

/** Returns a typed client, with a session when a token is given. */
export function clientOf<S extends DescService>(
  service: S,
  url: string,
  options: { token?: string; protocol?: keyof typeof protocols } = {},
): Client<S> {
  const { token, protocol = "Connect, JSON, HTTP/1.1" } = options;
  const authorize: Interceptor = (next) => (request) => {
    if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  return createClient(service, protocols[protocol](url, [authorize]));
}

/** Posts JSON as curl would; returns the status, the headers and the parsed body. */
export async function post(
  url: string,
  method: string,
  body: unknown,
  options: { token?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Headers; body: any }> {
  const { token, headers = {} } = options;
  const response = await fetch(`${url}/boxoffice.edge.v1.${method}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Waits until `check` is true; throws after ten seconds. */
export async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAtMs = Date.now() + 10_000;
  while (!(await check())) {
    if (Date.now() > giveUpAtMs) throw new Error(`not within ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
