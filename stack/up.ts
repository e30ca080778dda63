// `make up`: the whole system on this machine, until Ctrl-C.

import { firstBookingLines, gateLine, organiserLines } from "./curl-lines.ts";
import { createProgress } from "./progress.ts";
import { readUpSettings, type UpSettings } from "./settings.ts";
import { createStack, type Stack, type StackUrls } from "./stack.ts";
import { StackError } from "./stack-error.ts";

let forced = false;
const progress = createProgress((line) => {
  if (!forced) console.log(line);
});
// A terminal that was closed takes no more lines; stopping in order matters more.
process.stdout.on("error", () => {});

try {
  const settings = readUpSettings(process.env);
  process.exitCode = await up(createStack(settings, progress), settings);
} catch (error) {
  console.error(error instanceof StackError ? `make up: ${error.message}` : error);
  process.exitCode = 1;
}

/** Runs the stack until it is interrupted (0) or a part of it fails (1). */
async function up(stack: Stack, settings: UpSettings): Promise<number> {
  const interruption = new AbortController();
  const interrupted = new Promise<void>((resolve) => (interruption.signal.onabort = () => resolve()));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (!interruption.signal.aborted) {
        progress.say("\nStopping. Ctrl-C again ends everything at once.");
        return interruption.abort();
      }
      progress.say("Ending everything at once.");
      forced = true;
      void stack.force().finally(() => process.exit(1));
    });
  }

  try {
    const startedAt = performance.now();
    const urls = await stack.start(interruption.signal);
    progress.say(welcome(urls, settings, (performance.now() - startedAt) / 1000));
    await Promise.race([interrupted, stack.failed]);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
  } finally {
    await stack.stop();
  }
  progress.say("Stopped; the data is kept. `make reset` removes it.");
  return 0;
}

function welcome({ gatewayUrl, issuerUrl, databaseUrl }: StackUrls, { payment }: UpSettings, seconds: number): string {
  const token = payment["PROVIDER"] === "stripe" ? "pm_card_visa" : "tok_approve";
  return [
    `\nBoxoffice runs at ${gatewayUrl} (started in ${seconds.toFixed(1)} s). Ctrl-C stops it.`,
    ...(databaseUrl === undefined ? [] : [`Its database, for development: ${databaseUrl}`]),
    "To book two seats, paste these lines into one shell, in this order:\n",
    firstBookingLines(gatewayUrl, token).join("\n\n"),
    "\nTo act as an organiser, paste these:\n",
    organiserLines(gatewayUrl, issuerUrl).join("\n\n"),
    "\nTo act as a gate's staff, paste this; docs/operations.md goes on with a ticket at the door:\n",
    gateLine(gatewayUrl, issuerUrl),
    "",
  ].join("\n");
}
