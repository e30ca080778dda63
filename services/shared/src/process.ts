// What every process of ours does around its own wiring: read its settings, serve, say when it is ready, stop in order.

import { startAdminServer } from "./admin-server.ts";
import { bool, ConfigError, integer, str } from "./config.ts";
import { createLifecycle, stopOnSignals, type Lifecycle } from "./lifecycle.ts";
import { createLogger, type Logger } from "./logger.ts";
import { createMetrics, type Registry } from "./metrics.ts";

/** Settings that every serving process has; a config.ts spreads them into its own. */
export const processSpecs = {
  HOST: str({ default: "0.0.0.0", desc: "address that the ports listen on" }),
  PORT: integer(0, 65_535)({ desc: "port that callers use; 0 takes a free one" }),
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
export type ProcessConfig = {
  HOST: string;
  PORT: number;
  ADMIN_PORT: number;
  LOG_LEVEL: string;
  DRAIN_MS: number;
  ANNOUNCE_PORTS: boolean;
};

/** What a process is given to build itself with. */
export type ProcessContext = { log: Logger; metrics: Registry };

/** The server that callers reach. */
export type Front = {
  /** The port it listens on. */
  port: number;
  /** Tells callers whether to send requests here. */
  setServing(serving: boolean): void;
  /** Takes no new requests and waits for those in flight. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  abort(): void;
};

/** What a process gives back. */
export type ProcessParts = {
  /** The server, listening. */
  front: Front;
  /** How the announced port is called. */
  protocol: "grpc" | "http";
  /** Returns why the process can't work right now, or undefined. */
  notReadyBecause: () => Promise<string | undefined>;
  /** Background work to be stopped once requests are drained, with its bound. */
  stopWorkers: () => Promise<void>;
  /** Pools and clients to be closed last. */
  close: () => Promise<void>;
};

/** A process that serves. */
export type RunningProcess = { port: number; adminPort: number; lifecycle: Lifecycle };

/**
 * Reads the settings and starts, then runs until SIGTERM or SIGINT. Wrong settings end the process with code 2 and one line
 * each; a failed start with code 1.
 */
export async function runProcess<C>(
  name: string,
  readProcessConfig: (env: NodeJS.ProcessEnv) => C,
  start: (config: C) => Promise<{ lifecycle: Lifecycle }>,
): Promise<void> {
  process.on("unhandledRejection", (error) => {
    if (!isTypesLost(error)) throw error;
  });
  try {
    const { lifecycle } = await start(readProcessConfig(process.env));
    stopOnSignals(lifecycle);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}

// The driver of Postgres asks each new connection for its types, and nobody waits for that statement: where the connection is lost
// meanwhile its rejection would end the process. What the connection was opened for has failed with it, and was told.
function isTypesLost(error: unknown): boolean {
  return String((error as { query?: unknown } | undefined)?.query).includes("typarray");
}

/** Starts what `build` returns, with its admin port and its way to stop, inside this process. */
export async function startProcess<C extends ProcessConfig>(
  name: string,
  config: C,
  build: (config: C, context: ProcessContext) => Promise<ProcessParts>,
): Promise<RunningProcess> {
  const log = createLogger({ service: name, level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const lifecycle = createLifecycle(log);
  const { front, ...parts } = await build(config, { log, metrics });
  const admin = await startAdminServer({
    host: config.HOST,
    port: config.ADMIN_PORT,
    metrics,
    readiness: { notReadyBecause: async () => (lifecycle.stopping ? "stopping" : await parts.notReadyBecause()) },
  });
  front.setServing(true);

  lifecycle.onStop("unready", config.DRAIN_MS + 1_000, async () => {
    front.setServing(false);
    await new Promise((resolve) => setTimeout(resolve, config.DRAIN_MS));
  });
  lifecycle.onStop("drain", 10_000, () => front.drain());
  lifecycle.onStop("abort", 1_000, () => front.abort());
  lifecycle.onStop("workers", 10_000, parts.stopWorkers);
  lifecycle.onStop("close", 5_000, parts.close);
  lifecycle.onStop("admin", 1_000, () => admin.close());

  log.info({ event: "service.started", port: front.port, adminPort: admin.port });
  if (config.ANNOUNCE_PORTS)
    console.log(JSON.stringify({ ports: { [parts.protocol]: front.port, admin: admin.port } }));
  return { port: front.port, adminPort: admin.port, lifecycle };
}
