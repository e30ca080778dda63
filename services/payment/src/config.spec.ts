import assert from "node:assert/strict";
import { ConfigError } from "#shared/config";
import { readPaymentConfig } from "./config.ts";

const base = { NODE_ENV: "development", PORT: "0", ADMIN_PORT: "0", DATABASE_URL: "postgres://localhost/boxoffice" };
const stripe = {
  ...{
    ...base,
    PROVIDER: "stripe",
    STRIPE_SECRET_KEY: "sk_live_never_shown",
    STRIPE_WEBHOOK_SECRET: "whsec_never_shown",
  },
  STRIPE_RETURN_URL: "https://shop.example/back",
};

describe("payment's settings", () => {
  it("ask for what the provider of new payments needs, and for nothing of the other", () => {
    assert.equal(readPaymentConfig(stripe).STRIPE_API_BASE, "https://api.stripe.com");
    assert.equal(readPaymentConfig({ ...base, SANDBOX_URL: "http://127.0.0.1:1" }).PROVIDER, "sandbox");
    assert.match(problemsOf(base), /SANDBOX_URL: is required/);
    const missing = problemsOf({ ...base, PROVIDER: "stripe" });
    for (const name of ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_RETURN_URL"]) {
      assert.match(missing, new RegExp(`${name}: is required`));
    }
  });

  it("refuse the sandbox in production, and wherever nobody says what it is", () => {
    for (const NODE_ENV of ["production", undefined]) {
      const production = { ...base, NODE_ENV, SANDBOX_URL: "http://127.0.0.1:1" };
      assert.match(problemsOf({ ...production, PROVIDER: "sandbox" }), /PROVIDER: must not be the sandbox/);
      assert.match(problemsOf(production), /PROVIDER: is required/);
      assert.equal(readPaymentConfig({ ...stripe, NODE_ENV }).PROVIDER, "stripe");
    }
  });

  it("ask for all that a former provider needs once they name a part of it", () => {
    const { PROVIDER: _, ...parts } = { ...stripe, SANDBOX_URL: "http://127.0.0.1:1" };
    assert.equal(readPaymentConfig(parts).STRIPE_RETURN_URL, stripe.STRIPE_RETURN_URL);
    for (const name of ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_RETURN_URL"] as const) {
      const { [name]: _left, ...rest } = parts;
      assert.match(problemsOf(rest), new RegExp(`settings:\\n  ${name}: is required [^\\n]*$`));
      const only = { ...base, SANDBOX_URL: parts.SANDBOX_URL, [name]: parts[name] };
      assert.equal(problemsOf(only).match(/STRIPE_\w+: is required/g)?.length, 2);
    }
  });

  it("refuse secrets that are empty or malformed, and never show one", () => {
    for (const value of ["", "short", "sk_live never_shown"]) {
      for (const name of ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]) {
        const problems = problemsOf({ ...stripe, [name]: value });
        assert.match(problems, new RegExp(`${name}: must be 8 to 500 characters`));
        assert.doesNotMatch(problems, /never_shown/);
      }
    }
  });

  it("refuse a key of another kind, and never show it", () => {
    for (const [name, value] of [
      ["STRIPE_SECRET_KEY", "whsec_never_shown"],
      ["STRIPE_SECRET_KEY", "pk_live_never_shown"],
      ["STRIPE_WEBHOOK_SECRET", "sk_live_never_shown"],
    ] as const) {
      const problems = problemsOf({ ...stripe, [name]: value });
      assert.match(problems, new RegExp(`${name}: must begin with (sk_ or rk_|whsec_): this is another kind of key`));
      assert.doesNotMatch(problems, /never_shown/);
    }
    assert.ok(readPaymentConfig({ ...stripe, STRIPE_SECRET_KEY: "rk_test_restricted" }));
  });

  it("send the key, and buyers back, over TLS only, but on this machine", () => {
    for (const name of ["STRIPE_API_BASE", "STRIPE_RETURN_URL"] as const) {
      for (const good of ["https://stripe.example", "http://127.0.0.1:12111", "http://localhost:1"]) {
        assert.equal(readPaymentConfig({ ...stripe, [name]: good })[name], good);
      }
      for (const bad of ["http://stripe.example", "ftp://localhost", "api.stripe.com", "javascript:alert(1)"]) {
        assert.match(problemsOf({ ...stripe, [name]: bad }), new RegExp(`${name}: must be`));
      }
    }
  });
});

function problemsOf(env: NodeJS.ProcessEnv): string {
  try {
    readPaymentConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return assert.fail("it was accepted");
}
