// Structured logs: one object an event, stable names, no card data, no tokens, no personal data.

import { pino, type Logger } from "pino";

export type { Logger };

// Not pino's own writer: when the reader of the pipe is gone it tries again for ever, and the process can't end. Whoever
// stopped reading misses the rest; nothing else depends on it.
process.stdout.on("error", () => {});
const standardOutput = { write: (line: string) => void process.stdout.write(line) };

/** Returns a logger that writes JSON lines to standard output. */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
      // A safety net, not a licence: nothing should log these in the first place. Postgres puts the whole failing row into an
      // error's `detail`, and parameters into its `where`.
      redact: [
        ...["authorization", "*.authorization", "*.paymentMethodToken", "*.sessionToken", "*.idToken"],
        ...["error.detail", "error.where", "error.cause.detail", "error.cause.where"],
      ],
    },
    standardOutput,
  );
}
