import assert from "node:assert/strict";
import { resolve } from "node:path";
import { readUpSettings } from "./settings.ts";

describe("settings of make up", () => {
  it("have defaults that need nothing of the user", () => {
    assert.deepEqual(readUpSettings({}), {
      gatewayPort: 8080,
      dataDir: resolve(".data"),
      databaseUrl: undefined,
      redisUrl: undefined,
      payment: {},
    });
  });

  it("hand the payment provider's on, and nothing else", () => {
    const stripe = { PROVIDER: "stripe", STRIPE_SECRET_KEY: "sk_test_1", STRIPE_WEBHOOK_SECRET: "whsec_1" };
    assert.deepEqual(readUpSettings({ ...stripe, HOME: "/root", SLOW_MS: "1" }).payment, stripe);
  });

  it("take the user's own servers", () => {
    const settings = readUpSettings({ DATABASE_URL: "postgres://a:b@db:5432/c", REDIS_URL: "redis://cache:6379" });
    assert.equal(settings.databaseUrl, "postgres://a:b@db:5432/c");
    assert.equal(settings.redisUrl, "redis://cache:6379");
  });

  const wrong: [NodeJS.ProcessEnv, RegExp][] = [
    [{ GATEWAY_PORT: "http" }, /^wrong settings: GATEWAY_PORT: must be a whole number from 1 to 65535, not "http"/],
    [{ GATEWAY_PORT: "70000" }, /GATEWAY_PORT/],
    [
      { DATABASE_URL: "mysql://localhost/x" },
      /^DATABASE_URL is not a URL like postgres:.*: correct it, or leave it out/,
    ],
    [{ DATABASE_URL: "localhost" }, /^DATABASE_URL/],
    [{ REDIS_URL: "http://localhost" }, /^REDIS_URL is not a URL like redis:/],
  ];
  for (const [env, message] of wrong) {
    it(`are refused in one line when they are ${JSON.stringify(env)}`, () => {
      assert.throws(
        () => readUpSettings(env),
        (error: Error) => message.test(error.message) && !error.message.includes("\n"),
      );
    });
  }

  it("never show a password that a wrong URL holds", () => {
    assert.throws(
      () => readUpSettings({ DATABASE_URL: "mysql://me:hunter2@localhost/x" }),
      (error: Error) => !error.message.includes("hunter2"),
    );
  });
});
