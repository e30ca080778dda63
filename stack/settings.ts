// The settings of `make up`. The one file of the stack that reads the environment.

import { resolve } from "node:path";
import { ConfigError, integer, readConfig, str } from "#shared/config";
import { StackError } from "./stack-error.ts";

/** How the stack runs here. */
export type UpSettings = {
  /** Port of the gateway on 127.0.0.1. */
  gatewayPort: number;
  /** Folder of everything that the stack keeps. */
  dataDir: string;
  /** The owner's connection string of a Postgres to use instead of the embedded one. */
  databaseUrl: string | undefined;
  /** A Redis to use instead of a private one. */
  redisUrl: string | undefined;
  /** Settings of the payment service that are handed on to it: which provider, and what Stripe needs. It checks them. */
  payment: Record<string, string>;
};

const handedOn = ["PROVIDER", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_RETURN_URL", "STRIPE_API_BASE"];

/** Returns the settings. Throws StackError with one line that names what is wrong with them. */
export function readUpSettings(env: NodeJS.ProcessEnv): UpSettings {
  const config = readOrExplain(env);
  return {
    gatewayPort: config.GATEWAY_PORT,
    dataDir: resolve(config.BOXOFFICE_DATA_DIR),
    databaseUrl: urlSetting("DATABASE_URL", config.DATABASE_URL, ["postgres:", "postgresql:"]),
    redisUrl: urlSetting("REDIS_URL", config.REDIS_URL, ["redis:", "rediss:"]),
    payment: Object.fromEntries(handedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
  };
}

function readOrExplain(env: NodeJS.ProcessEnv) {
  try {
    return readConfig(env, {
      GATEWAY_PORT: integer(1, 65_535)({ default: 8080, desc: "the gateway's port" }),
      BOXOFFICE_DATA_DIR: str({ default: ".data", desc: "folder of the stack's data and logs" }),
      DATABASE_URL: str({ default: "", desc: "a Postgres to use instead of the embedded one" }),
      REDIS_URL: str({ default: "", desc: "a Redis to use instead of a private one" }),
    });
  } catch (error) {
    if (error instanceof ConfigError) throw new StackError(error.message.replace(/\n\s*/g, " "));
    throw error;
  }
}

function urlSetting(name: string, value: string, protocols: string[]): string | undefined {
  if (value === "") return undefined;
  const example = `${protocols[0]}//user:password@host:port`;
  // The value may hold a password, so the message leaves it out.
  if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
    throw new StackError(
      `${name} is not a URL like ${example}: correct it, or leave it out to use the embedded server`,
    );
  }
  return value;
}
