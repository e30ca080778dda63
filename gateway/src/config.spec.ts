import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { ConfigError } from "#shared/config";
import { developmentSecret, readGatewayConfig } from "./config.ts";

const targets = {
  PORT: "0",
  ADMIN_PORT: "0",
  INVENTORY_TARGET: "127.0.0.1:1",
  RESERVATION_TARGET: "127.0.0.1:1",
  PAYMENT_TARGET: "127.0.0.1:1",
  REDIS_URL: "redis://127.0.0.1:1",
};
const development = { ...targets, NODE_ENV: "development" };
const production = { ...targets, NODE_ENV: "production", SESSION_SECRET: "s".repeat(32) };

describe("gateway settings", () => {
  it("need no secret and no issuer in development", () => {
    const config = readGatewayConfig(development);
    assert.equal(config.SESSION_SECRET, developmentSecret);
    assert.equal(config.OIDC_ISSUER, "");
    assert.equal(config.limitPoints.address, 10_000);
    assert.ok(developmentSecret.length >= 32);
  });

  it("read lists", () => {
    const config = readGatewayConfig({
      ...development,
      CORS_ORIGINS: "http://localhost:3000, *",
      TRUSTED_PROXIES: "10.0.0.0/8,::1",
    });
    assert.deepEqual(config.CORS_ORIGINS, ["http://localhost:3000", "*"]);
    assert.deepEqual(config.TRUSTED_PROXIES, ["10.0.0.0/8", "::1"]);
  });

  const refused: [name: string, value: string | undefined, why: RegExp][] = [
    ["SESSION_SECRET", undefined, /SESSION_SECRET: is required/],
    ["SESSION_SECRET", "short", /at least 32/],
    ["SESSION_SECRET", developmentSecret, /development secret/],
    ["SESSION_SECRET_PREVIOUS", developmentSecret, /development secret/],
    ["OIDC_ISSUER", "http://issuer.example", /https/],
    ["OIDC_ISSUER", "https://127.0.0.1:8000", /this machine/],
    ["OIDC_ISSUER", "https://localhost", /this machine/],
    ["OIDC_ISSUER", "https://[::1]/", /this machine/],
    ["OIDC_JWKS_URL", "http://issuer.example/keys", /https/],
    ["OIDC_ISSUER", "issuer", /URL/],
    ["CORS_ORIGINS", "https://a.example,*", /not \*/],
    ["TRUSTED_PROXIES", "everybody", /TRUSTED_PROXIES/],
    ["LIMIT_ADDRESS", "-1", /whole number/],
  ];
  for (const [name, value, why] of refused) {
    it(`refuse ${name}=${value ?? "(missing)"} in production`, () => {
      assert.throws(
        () => readGatewayConfig({ ...production, [name]: value }),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, new RegExp(name));
          assert.match(error.message, why);
          if (name.startsWith("SESSION") && value) assert.ok(!error.message.includes(value), "a secret is never shown");
          return true;
        },
      );
    });
  }

  it("are those of production when NODE_ENV is not set", () => {
    assert.throws(
      () => readGatewayConfig({ ...targets, CORS_ORIGINS: "*" }),
      /SESSION_SECRET[^]*CORS_ORIGINS|CORS_ORIGINS[^]*SESSION_SECRET/,
    );
  });

  it("accept a real issuer in production", () => {
    const config = readGatewayConfig({
      ...production,
      OIDC_ISSUER: "https://issuer.example",
      CORS_ORIGINS: "https://a.example",
    });
    assert.equal(config.OIDC_ISSUER, "https://issuer.example");
  });

  it("start the gateway as a process, which stops when asked", async () => {
    const child = spawn(process.execPath, ["--import=tsx", "gateway/src/main.ts"], {
      // The child writes no coverage of its own: c8 merges it wrongly into that of the tests.
      env: {
        ...process.env,
        NODE_V8_COVERAGE: "",
        ...development,
        HOST: "127.0.0.1",
        ANNOUNCE_PORTS: "true",
        LOG_LEVEL: "silent",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { ports } = JSON.parse(line.toString()) as { ports: { http: number; admin: number } };
    assert.equal((await fetch(`http://127.0.0.1:${ports.http}/`)).status, 200);
    assert.equal((await fetch(`http://127.0.0.1:${ports.admin}/ready`)).status, 503);
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
});
