import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { ConfigError } from "#shared/config";
import { readIssuerConfig } from "./config.ts";
import { startDevIssuer } from "./start.ts";

// The children write no coverage of their own: c8 merges it wrongly into that of the tests.
const environment = { ...process.env, NODE_V8_COVERAGE: "" };
const main = ["--import=tsx", "gateway/src/dev-issuer/main.ts"];

describe("development issuer", () => {
  it("publishes its keys, and says what is here", async () => {
    const { issuer, lifecycle } = await startDevIssuer(
      readIssuerConfig({ NODE_ENV: "test", PORT: "0", LOG_LEVEL: "silent" }),
    );
    const get = async (path: string) => {
      const response = await fetch(`${issuer.url}${path}`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const { body } = await get("/.well-known/openid-configuration");
    assert.deepEqual([body["issuer"], body["jwks_uri"]], [issuer.url, `${issuer.url}/jwks.json`]);
    const { keys } = (await get("/jwks.json")).body as { keys: Record<string, string>[] };
    assert.deepEqual([keys.length, keys[0]!["alg"], keys[0]!["d"]], [1, "EdDSA", undefined]);
    assert.equal((await get("/elsewhere")).status, 404);
    await lifecycle.stop("test");
  });

  it("refuses wishes that make no sense", async () => {
    const { issuer, lifecycle } = await startDevIssuer(
      readIssuerConfig({ NODE_ENV: "test", PORT: "0", LOG_LEVEL: "silent" }),
    );
    const wishes = [
      "",
      "{",
      "null",
      "{}",
      '{"sub":""}',
      '{"sub":1}',
      '{"sub":"a","roles":"organiser"}',
      " ".repeat(10_000),
    ];
    for (const body of wishes) {
      const { status } = await fetch(`${issuer.url}/token`, { method: "POST", body });
      assert.equal(status, 400, body.slice(0, 20));
    }
    await lifecycle.stop("test");
  });

  it("does not read settings for production, which is what NODE_ENV means when it is not set", () => {
    for (const env of [{}, { NODE_ENV: "production" }]) {
      assert.throws(() => readIssuerConfig({ PORT: "0", ...env }), ConfigError);
    }
  });

  it("does not start in production, in one clear line", async () => {
    const started = promisify(execFile)(process.execPath, main, {
      env: { ...environment, PORT: "0", NODE_ENV: "production" },
    });
    await assert.rejects(started, (error: { code?: number; stderr?: string }) => {
      assert.equal(error.code, 2);
      assert.match(error.stderr ?? "", /does not start in production/);
      return true;
    });
  });

  it("runs as a process of its own and stops when asked", async () => {
    const child = spawn(process.execPath, main, {
      env: { ...environment, PORT: "0", NODE_ENV: "development", ANNOUNCE_PORTS: "true", LOG_LEVEL: "silent" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { ports } = JSON.parse(line.toString()) as { ports: { http: number } };
    assert.equal((await fetch(`http://127.0.0.1:${ports.http}/jwks.json`)).status, 200);
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
});
