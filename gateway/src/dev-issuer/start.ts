// The development issuer as a process.

import { createLifecycle, type Lifecycle } from "#shared/lifecycle";
import { createLogger } from "#shared/logger";
import type { IssuerConfig } from "./config.ts";
import { startIssuer, type Issuer } from "./issuer.ts";

/** Starts the issuer; the lifecycle stops it. */
export async function startDevIssuer(config: IssuerConfig): Promise<{ issuer: Issuer; lifecycle: Lifecycle }> {
  const log = createLogger({ service: "dev-issuer", level: config.LOG_LEVEL });
  const issuer = await startIssuer({
    host: config.HOST,
    port: config.PORT,
    audience: config.OIDC_AUDIENCE,
    name: config.OIDC_ISSUER,
  });
  const lifecycle = createLifecycle(log);
  lifecycle.onStop("close", 1_000, () => issuer.close());
  log.info({ event: "service.started", port: issuer.port });
  if (config.ANNOUNCE_PORTS) console.log(JSON.stringify({ ports: { http: issuer.port } }));
  return { issuer, lifecycle };
}
