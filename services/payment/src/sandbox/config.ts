// The sandbox's settings.

import { bool, integer, readConfig, str } from "#shared/config";

/** Returns the settings in `env`. Throws ConfigError, which names every wrong one. */
export function readSandboxConfig(env: NodeJS.ProcessEnv) {
  return readConfig(env, {
    HOST: str({ default: "127.0.0.1", desc: "address to listen on" }),
    PORT: integer(0, 65_535)({ desc: "HTTP port; 0 takes a free one" }),
    SLOW_MS: integer(0, 60_000)({ default: 3_000, desc: "milliseconds that an answer to tok_slow takes" }),
    RECORDS_MAX: integer(1, 10_000_000)({ default: 200_000, desc: "most authorisations remembered" }),
    FEE_BASIS_POINTS: integer(
      0,
      10_000,
    )({ default: 150, desc: "what it keeps of captures, in hundredths of a percent" }),
    FEE_FIXED_MINOR: integer(0, 1_000_000)({ default: 25, desc: "what it keeps of each besides, in minor units" }),
    WEBHOOK_URL: str({ default: "", desc: "where webhooks are sent; empty: nowhere, until PUT /v1/webhooks says" }),
    WEBHOOK_SECRET: str({ default: "", desc: "what webhooks are signed with; empty: none are sent" }),
    LOG_LEVEL: str({
      default: "info",
      choices: ["debug", "info", "warn", "error", "silent"],
      desc: "least level to log",
    }),
    ANNOUNCE_PORTS: bool({ default: false, desc: "print the bound port as one JSON line on start" }),
  });
}

/** The settings, read. */
export type SandboxConfig = ReturnType<typeof readSandboxConfig>;
