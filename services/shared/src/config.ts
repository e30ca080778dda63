// Settings from the environment. Each service's config.ts declares its own with these; nothing else reads the environment.

import { cleanEnv, EnvMissingError, makeValidator, type ValidatorSpec } from "envalid";

export { bool, str, url } from "envalid";

/** Settings are wrong; the message names every bad one. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** A whole number between two bounds, both included. */
export const integer = (min: number, max: number) =>
  makeValidator<number>((input) => {
    const value = input.trim() === "" ? NaN : Number(input);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new Error(`must be a whole number from ${min} to ${max}, not "${input}"`);
    }
    return value;
  });

/** A list of words separated by commas; empty where the setting is empty. */
export const words = makeValidator<string[]>((input) =>
  input
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== ""),
);

/** A secret of 32 characters or more. Its value never appears in a message. */
export const secret = makeValidator<string>((input) => {
  if (input.length < 32) throw new Error("must have at least 32 characters");
  return input;
});

/**
 * Returns the settings that `specs` declares, read from `env`. Throws ConfigError with one line for each setting that is
 * missing or malformed.
 */
export function readConfig<S extends Record<string, ValidatorSpec<unknown>>>(env: NodeJS.ProcessEnv, specs: S) {
  return cleanEnv(env, specs, {
    reporter: ({ errors }) => {
      const lines = Object.entries(errors).map(([name, error]) => {
        const meaning = specs[name]?.desc;
        const problem = error instanceof EnvMissingError ? "is required" : (error as Error).message;
        return `${name}: ${problem}${meaning ? ` (${meaning})` : ""}`;
      });
      if (lines.length > 0) throw new ConfigError(`wrong settings:\n  ${lines.join("\n  ")}`);
    },
  });
}
