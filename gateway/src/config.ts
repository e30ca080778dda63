// The gateway's settings. The one place that reads the environment.
//
// Everything that makes development easy and production unsafe is refused unless NODE_ENV says "development" or "test".

import { makeValidator, type ValidatorSpec } from "envalid";
import { bool, integer, readConfig, secret, str, words } from "#shared/config";
import { processSpecs } from "#shared/process";
import { createClientAddress } from "./http/client-address.ts";
import type { LimitName } from "./limits/limits.ts";

/** The session secret of development; everybody knows it. */
export const developmentSecret = "development-only-session-secret-0";

/** The settings, read. */
export type GatewayConfig = ReturnType<typeof readGatewayConfig>;

/** Reads the settings; throws ConfigError that names every bad one. */
export function readGatewayConfig(env: NodeJS.ProcessEnv) {
  const isProduction = env["NODE_ENV"] !== "development" && env["NODE_ENV"] !== "test";
  const config = readConfig(env, specs(isProduction));
  const limitPoints: Record<LimitName, number> = {
    address: config.LIMIT_ADDRESS,
    sessions_per_address: config.LIMIT_SESSIONS_PER_ADDRESS,
    session: config.LIMIT_SESSION,
    event: config.LIMIT_EVENT,
    operations: config.LIMIT_OPERATIONS,
  };
  return { ...config, limitPoints };
}

function specs(isProduction: boolean) {
  const sessionSecret = isProduction ? productionSecret : secret;
  const origins = isProduction ? productionOrigins : words;
  const issuerUrl = isProduction ? productionUrl : httpUrl;
  const points = (byDefault: number, what: string) =>
    integer(0, 1_000_000_000)({ default: byDefault, desc: `${what} per window; 0 turns the limit off` });
  return {
    ...processSpecs,
    NODE_ENV: str({ default: "production", choices: ["development", "test", "production"], desc: "what is allowed" }),
    INVENTORY_TARGET: str({ desc: "host:port of inventory" }),
    RESERVATION_TARGET: str({ desc: "host:port of reservation" }),
    PAYMENT_TARGET: str({ desc: "host:port of payment" }),
    REDIS_URL: str({ desc: "redis://host:port, for limits that replicas share" }),
    SESSION_SECRET: sessionSecret({
      ...(isProduction ? {} : { default: developmentSecret }),
      desc: "signs session tokens; 32 characters or more",
    }),
    SESSION_SECRET_PREVIOUS: sessionSecret({
      default: undefined,
      desc: "accepted, not used, while secrets are rotated",
    }),
    SESSION_TTL_MINUTES: integer(1, 43_200)({ default: 720, desc: "how long a session lasts" }),
    ROLE_SESSION_TTL_MINUTES: integer(1, 43_200)({ default: 60, desc: "how long a session with roles lasts" }),
    OIDC_ISSUER: issuerUrl({ default: "", desc: "issuer of id tokens; empty: guests only" }),
    OIDC_AUDIENCE: str({ default: "boxoffice", desc: "audience that id tokens must name" }),
    OIDC_JWKS_URL: issuerUrl({ default: "", desc: "where the issuer's keys are; <issuer>/jwks.json where empty" }),
    OIDC_ROLES_CLAIM: str({ default: "roles", desc: "claim that lists roles: organiser, gate" }),
    CORS_ORIGINS: origins({ default: [], desc: "origins of web pages that may call, separated by commas" }),
    TRUSTED_PROXIES: proxies({ default: [], desc: "networks whose X-Forwarded-For is believed, separated by commas" }),
    LIMIT_WINDOW_SECONDS: integer(1, 3_600)({ default: 10, desc: "window of every limit" }),
    LIMIT_ADDRESS: points(10_000, "calls of a client address"),
    LIMIT_SESSIONS_PER_ADDRESS: points(2_000, "sessions opened from an address"),
    LIMIT_SESSION: points(1_000, "calls of a customer"),
    LIMIT_EVENT: points(200_000, "reservations asked for of an event"),
    LIMIT_OPERATIONS: points(100, "checks, reports and explained seats of an organiser"),
    TIMEOUT_MAX_MS: integer(100, 300_000)({ default: 30_000, desc: "longest time for any call" }),
    IN_FLIGHT_MAX: integer(1, 1_000_000)({ default: 10_000, desc: "most calls worked on at once" }),
    IN_FLIGHT_MIN: integer(1, 1_000_000)({ default: 64, desc: "calls of a queue that are let in however slow it is" }),
    QUEUE_WAIT_MS: integer(
      10,
      60_000,
    )({ default: 2_000, desc: "wait that reservations are let in for in an overload" }),
    SOLD_OUT_NOTE_MS: integer(0, 5_000)({ default: 1_000, desc: "how long sold out is said from memory; 0: never" }),
    BATCH_ITEMS_MAX: integer(1, 500)({ default: 500, desc: "most reservations in one batch" }),
    BATCH_QUEUE_MAX: integer(1, 1_000_000)({ default: 8_000, desc: "most reservations that wait for a batch" }),
    BATCH_IN_FLIGHT_MAX: integer(1, 100)({ default: 2, desc: "most batches of reservations at once" }),
    BODIES_BYTES_MAX: integer(
      1 << 20,
      1 << 30,
    )({
      default: 64 << 20,
      desc: "most bytes of request bodies that have not arrived in full",
    }),
    LEAN_EDGE: bool({ default: true, desc: "plain unary calls are answered without Connect's router" }),
    CONNECTIONS_MAX: integer(1, 1_000_000)({ default: 20_000, desc: "most client connections" }),
    CONNECTIONS_PER_ADDRESS_MAX: integer(
      1,
      1_000_000,
    )({ default: 10_000, desc: "most connections of a client address; trusted proxies have no such bound" }),
    STREAMS_MAX: integer(1, 10_000)({ default: 250, desc: "most calls at once on one HTTP/2 connection" }),
    HEADERS_TIMEOUT_MS: integer(100, 60_000)({ default: 10_000, desc: "time for a request's headers" }),
    REQUEST_TIMEOUT_MS: integer(100, 300_000)({ default: 15_000, desc: "time for a whole request to arrive" }),
    IDLE_TIMEOUT_MS: integer(
      100,
      3_600_000,
    )({ default: 65_000, desc: "time after which an idle connection is closed" }),
  } satisfies Record<string, ValidatorSpec<unknown>>;
}

const productionSecret = makeValidator<string>((input) => {
  if (input.length < 32) throw new Error("must have at least 32 characters");
  if (input === developmentSecret) throw new Error("is the development secret, which everybody knows");
  return input;
});

const productionOrigins = makeValidator<string[]>((input) => {
  const origins = listOf(input);
  if (origins.includes("*")) throw new Error("must list origins in production, not *");
  return origins;
});

const httpUrl = makeValidator<string>((input) => {
  if (input !== "" && !/^https?:$/.test(parseUrl(input).protocol))
    throw new Error(`must be an http(s) URL, not "${input}"`);
  return input;
});

const productionUrl = makeValidator<string>((input) => {
  if (input === "") return input;
  const { protocol, hostname } = parseUrl(input);
  if (protocol !== "https:") throw new Error("must be an https URL in production");
  if (/^(localhost|127\.|\[::1\])/.test(hostname)) throw new Error("must not be this machine in production");
  return input;
});

const proxies = makeValidator<string[]>((input) => {
  const networks = listOf(input);
  createClientAddress(networks);
  return networks;
});

function listOf(input: string): string[] {
  return input
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function parseUrl(input: string): URL {
  if (!URL.canParse(input)) throw new Error(`must be a URL, not "${input}"`);
  return new URL(input);
}
