// Preloaded into mocha's process, which a signal would end on the spot: with an exit it takes along what specs have started.

import { constants } from "node:os";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]));
}
