// A system to try the scripts on: what bench/system.ts starts, on an empty database, with the demo event on sale and with
// limits that a load from one address passes. Runs until Ctrl-C.
//
//   node --import=tsx bench/k6/target.ts

import { ensureDemoEvent } from "#stack/demo-event";
import { build } from "#stack/build";
import { startBenchSystem } from "../system.ts";

const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
});
await build();
const system = await startBenchSystem();
try {
  const gatewayUrl = system.gatewayUrls[0]!;
  await ensureDemoEvent({ gatewayUrl, issuerUrl: system.issuerUrl, nowMs: Date.now() });
  console.log(`export BASE_URL=${gatewayUrl}`);
  await interrupted;
} finally {
  await system.stop();
}
