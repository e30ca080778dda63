// The development issuer's settings.

import { ConfigError, bool, integer, readConfig, str } from "#shared/config";

/** The settings, read. */
export type IssuerConfig = ReturnType<typeof readIssuerConfig>;

/** Reads the settings; throws ConfigError, in production always: whoever asks this issuer for a role gets it. */
export function readIssuerConfig(env: NodeJS.ProcessEnv) {
  const config = readConfig(env, {
    NODE_ENV: str({ default: "production", choices: ["development", "test", "production"], desc: "what is allowed" }),
    HOST: str({ default: "127.0.0.1", desc: "address that it listens on" }),
    PORT: integer(0, 65_535)({ desc: "HTTP port; 0 takes a free one" }),
    LOG_LEVEL: str({
      default: "info",
      choices: ["debug", "info", "warn", "error", "silent"],
      desc: "least level to log",
    }),
    OIDC_ISSUER: str({ default: "", desc: "name of the issuer in its tokens; the address it listens on where empty" }),
    OIDC_AUDIENCE: str({ default: "boxoffice", desc: "audience of its tokens" }),
    ANNOUNCE_PORTS: bool({ default: false, desc: "print the bound port as one JSON line on start" }),
  });
  if (config.NODE_ENV === "production") {
    throw new ConfigError(
      "the development issuer gives every role to whoever asks and does not start in production: " +
        "set NODE_ENV=development, or use a real identity provider",
    );
  }
  return config;
}
