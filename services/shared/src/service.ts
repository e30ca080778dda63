// What every service's main does after its own wiring: serve, say when it is ready, stop in order.

import { startAdminServer } from "./admin-server.ts";
import { bool, ConfigError, integer, str } from "./config.ts";
import { startGrpcServer, type Implementation } from "./grpc-server.ts";
import { createLifecycle, stopOnSignals, type Lifecycle } from "./lifecycle.ts";
import { createLogger, type Logger } from "./logger.ts";
import { createMetrics, type Registry } from "./metrics.ts";

/** Settings that every service has; a service's config.ts spreads them into its own. */
export const serviceSpecs = {
  HOST: str({ default: "0.0.0.0", desc: "address that the gRPC and admin ports listen on" }),
  PORT: integer(0, 65_535)({ desc: "gRPC port; 0 takes a free one" }),
  ADMIN_PORT: integer(0, 65_535)({ desc: "port of /live, /ready and /metrics; 0 takes a free one" }),
  LOG_LEVEL: str({
    default: "info",
    choices: ["debug", "info", "warn", "error", "silent"],
    desc: "least level to log",
  }),
  DRAIN_MS: integer(
    0,
    60_000,
  )({
    default: 0,
    desc: "milliseconds between saying unready and closing, so that balancers notice; 0 outside a cluster",
  }),
  ANNOUNCE_PORTS: bool({ default: false, desc: "print the bound ports as one JSON line on start" }),
};

/** The settings above, read. */
export type ServiceConfig = {
  HOST: string;
  PORT: number;
  ADMIN_PORT: number;
  LOG_LEVEL: string;
  DRAIN_MS: number;
  ANNOUNCE_PORTS: boolean;
};

/** What a service is given to build itself with. */
export type ServiceContext = { log: Logger; metrics: Registry };

/** What a service gives back. */
export type ServiceParts = {
  implementations: Implementation[];
  /** Returns why the service can't work right now, or undefined. */
  notReadyBecause: () => Promise<string | undefined>;
  /** Background work to be stopped before requests are drained, with its bound. */
  stopWorkers: () => Promise<void>;
  /** Pools and clients to be closed last. */
  close: () => Promise<void>;
};

/**
 * Runs a service until SIGTERM or SIGINT. Wrong settings end the process with code 2 and one line each; a failed start
 * with code 1.
 */
export async function runService<C extends ServiceConfig>(
  name: string,
  readServiceConfig: (env: NodeJS.ProcessEnv) => C,
  build: (config: C, context: ServiceContext) => Promise<ServiceParts>,
): Promise<void> {
  try {
    const config = readServiceConfig(process.env);
    const { lifecycle } = await startService(name, config, build);
    stopOnSignals(lifecycle);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}

/** Starts a service inside this process; tests call this, `runService` wraps it. */
export async function startService<C extends ServiceConfig>(
  name: string,
  config: C,
  build: (config: C, context: ServiceContext) => Promise<ServiceParts>,
): Promise<{ port: number; adminPort: number; lifecycle: Lifecycle }> {
  const log = createLogger({ service: name, level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const lifecycle = createLifecycle(log);
  const parts = await build(config, { log, metrics });
  const grpc = await startGrpcServer({
    host: config.HOST,
    port: config.PORT,
    implementations: parts.implementations,
    log,
    metrics,
  });
  const notReadyBecause = async () => (lifecycle.stopping ? "stopping" : await parts.notReadyBecause());
  const admin = await startAdminServer({
    host: config.HOST,
    port: config.ADMIN_PORT,
    metrics,
    readiness: { notReadyBecause },
  });
  grpc.setServing(true);

  lifecycle.onStop("unready", config.DRAIN_MS + 1_000, async () => {
    grpc.setServing(false);
    await new Promise((resolve) => setTimeout(resolve, config.DRAIN_MS));
  });
  lifecycle.onStop("drain", 10_000, () => grpc.drain());
  lifecycle.onStop("abort", 1_000, () => grpc.abort());
  lifecycle.onStop("workers", 10_000, parts.stopWorkers);
  lifecycle.onStop("close", 5_000, parts.close);
  lifecycle.onStop("admin", 1_000, () => admin.close());

  log.info({ event: "service.started", port: grpc.port, adminPort: admin.port });
  if (config.ANNOUNCE_PORTS) console.log(JSON.stringify({ ports: { grpc: grpc.port, admin: admin.port } }));
  return { port: grpc.port, adminPort: admin.port, lifecycle };
}
