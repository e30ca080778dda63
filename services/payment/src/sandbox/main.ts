// The payment provider's sandbox, a process of its own.

import { createLifecycle } from "#shared/lifecycle";
import { createLogger } from "#shared/logger";
import { runProcess } from "#shared/process";
import { readSandboxConfig } from "./config.ts";
import { startSandbox } from "./server.ts";

await runProcess("sandbox", readSandboxConfig, async (config) => {
  const log = createLogger({ service: "sandbox", level: config.LOG_LEVEL });
  const lifecycle = createLifecycle(log);
  const { port, close } = await startSandbox({
    host: config.HOST,
    port: config.PORT,
    slowMs: config.SLOW_MS,
    recordsMax: config.RECORDS_MAX,
    fee: { basisPoints: config.FEE_BASIS_POINTS, fixedMinor: config.FEE_FIXED_MINOR },
    webhook: { endpoint: config.WEBHOOK_URL, secret: config.WEBHOOK_SECRET },
  });
  lifecycle.onStop("close", 5_000, close);
  log.info({ event: "sandbox.started", port });
  if (config.ANNOUNCE_PORTS) console.log(JSON.stringify({ ports: { http: port } }));
  return { lifecycle };
});
