// The payment service's settings. The sandbox, which takes no money, is refused unless NODE_ENV says "development" or "test".

import { makeValidator } from "envalid";
import { integer, readConfig, secret, str, url } from "#shared/config";
import { serviceSpecs } from "#shared/service";

// What a provider needs is required where new payments go to it, and otherwise sets it up for payments that it began: all of
// it or none, since payments of a provider that is only half set up would wait for ever without a word.
const stripeNeeds = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_RETURN_URL"];
const needed = (provider: "sandbox" | "stripe", together: readonly string[] = []) => ({
  default: undefined,
  requiredWhen: (env: Record<string, unknown>) =>
    env["PROVIDER"] === provider || together.some((name) => env[name] !== undefined),
});

// Whatever is wrong with it, its value appears nowhere. Stripe's kinds of keys are told apart by how they begin.
const stripeSecret = (...prefixes: string[]) =>
  makeValidator<string>((input) => {
    if (!/^[\x21-\x7e]{8,500}$/.test(input)) throw new Error("must be 8 to 500 characters without spaces");
    if (!prefixes.some((prefix) => input.startsWith(prefix))) {
      throw new Error(`must begin with ${prefixes.join(" or ")}: this is another kind of key`);
    }
    return input;
  });

const realProvider = makeValidator<"sandbox" | "stripe">((input) => {
  if (input === "sandbox") throw new Error("must not be the sandbox in production, where it would give seats away");
  if (input !== "stripe") throw new Error(`must be stripe, not "${input}"`);
  return input;
});

// The key travels with every call, and buyers come back from their bank with the payment's id.
const safeUrl = makeValidator<string>((input) => {
  if (!URL.canParse(input)) throw new Error("must be a URL");
  const { protocol, hostname } = new URL(input);
  const isHere = hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
  if (protocol !== "https:" && !(protocol === "http:" && isHere)) {
    throw new Error("must be an https URL, or http on this machine");
  }
  return input;
});

/** Returns the settings in `env`. Throws ConfigError, which names every wrong one. */
export function readPaymentConfig(env: NodeJS.ProcessEnv) {
  const isProduction = env["NODE_ENV"] !== "development" && env["NODE_ENV"] !== "test";
  const providerDesc = "provider of new payments";
  return readConfig(env, {
    ...serviceSpecs,
    NODE_ENV: str({ default: "production", choices: ["development", "test", "production"], desc: "what is allowed" }),
    DATABASE_URL: url({ desc: "Postgres, as the role boxoffice_payment" }),
    DATABASE_POOL_MAX: integer(1, 100)({ default: 8, desc: "most connections to Postgres" }),
    STATEMENT_TIMEOUT_MS: integer(10, 60_000)({ default: 10_000, desc: "longest statement, in milliseconds" }),
    REPORT_TIMEOUT_MS: integer(
      10,
      600_000,
    )({ default: 60_000, desc: "longest statement of a check or report, in milliseconds" }),
    BATCH_ITEMS_MAX: integer(1, 1_000)({ default: 200, desc: "most payments written in one statement" }),
    BATCH_QUEUE_MAX: integer(1, 100_000)({ default: 5_000, desc: "most payments that wait to be written" }),
    BATCHES_IN_FLIGHT_MAX: integer(1, 16)({ default: 2, desc: "most statements of one kind at once" }),
    PROVIDER: isProduction
      ? realProvider({ desc: providerDesc })
      : str({ choices: ["sandbox", "stripe"], default: "sandbox", desc: providerDesc }),
    SANDBOX_URL: url({ ...needed("sandbox"), desc: "base URL of the sandbox provider" }),
    SANDBOX_WEBHOOK_SECRET: secret({ default: undefined, desc: "what the sandbox signs its webhooks with" }),
    STRIPE_SECRET_KEY: stripeSecret(
      "sk_",
      "rk_",
    )({
      ...needed("stripe", stripeNeeds),
      desc: "secret or restricted key of the Stripe account",
    }),
    STRIPE_WEBHOOK_SECRET: stripeSecret("whsec_")({
      ...needed("stripe", stripeNeeds),
      desc: "signing secret of the webhook endpoint",
    }),
    STRIPE_RETURN_URL: safeUrl({
      ...needed("stripe", stripeNeeds),
      desc: "page to which buyers come back from their bank's page",
    }),
    STRIPE_API_BASE: safeUrl({ default: "https://api.stripe.com", desc: "base URL of Stripe, or of a stand-in" }),
    PROVIDER_TRY_MS: integer(10, 60_000)({ default: 3_500, desc: "longest try of a provider call, in milliseconds" }),
    PROVIDER_TRIES_MAX: integer(1, 10)({ default: 3, desc: "most tries of a provider call" }),
    PROVIDER_PAUSE_MS: integer(0, 10_000)({ default: 100, desc: "longest pause after the first try; doubles" }),
    PROVIDER_RUNNING_MAX: integer(1, 10_000)({ default: 256, desc: "most commands under way, and connections" }),
    PROVIDER_WAITING_MAX: integer(0, 100_000)({ default: 2_000, desc: "most commands that wait for their turn" }),
    PROVIDER_WAIT_MS: integer(0, 60_000)({ default: 1_000, desc: "longest such wait, in milliseconds" }),
    RESUME_AFTER_MS: integer(
      0,
      3_600_000,
    )({ default: 10_000, desc: "milliseconds before a pending payment is resumed" }),
    RESUME_INTERVAL_MS: integer(10, 60_000)({ default: 1_000, desc: "milliseconds between looks for such payments" }),
    RESUME_ITEMS_MAX: integer(1, 1_000)({ default: 50, desc: "most payments resumed at once" }),
    FEE_INTERVAL_MS: integer(
      10,
      3_600_000,
    )({ default: 1_000, desc: "milliseconds between looks for fees to be asked for" }),
    FEE_ITEMS_MAX: integer(1, 100)({ default: 10, desc: "most fees asked for at each look, all at once" }),
    DISPUTE_INTERVAL_MS: integer(
      10,
      3_600_000,
    )({ default: 10_000, desc: "milliseconds between looks for disputes to be asked about" }),
    DISPUTE_ITEMS_MAX: integer(1, 100)({ default: 10, desc: "most disputes asked about at each look, all at once" }),
    SEAL_INTERVAL_MS: integer(
      10,
      10_000,
    )({ default: 500, desc: "milliseconds between looks for postings to be chained" }),
    SEAL_ITEMS_MAX: integer(1, 5_000)({ default: 500, desc: "most ledger transactions chained at once" }),
    WEBHOOKS_KEPT_DAYS: integer(4, 3_650)({ default: 30, desc: "days that a webhook's id is remembered" }),
  });
}

/** The settings, read. */
export type PaymentConfig = ReturnType<typeof readPaymentConfig>;
