// A gRPC service as a process: its handlers behind a gRPC server, and all that process.ts does around one.

import { startGrpcServer, type Implementation } from "./grpc-server.ts";
import {
  processSpecs,
  runProcess,
  startProcess,
  type ProcessConfig,
  type ProcessContext,
  type ProcessParts,
  type RunningProcess,
} from "./process.ts";

/** Settings that every service has; a service's config.ts spreads them into its own. */
export const serviceSpecs = processSpecs;

/** The settings above, read. */
export type ServiceConfig = ProcessConfig;

/** What a service is given to build itself with. */
export type ServiceContext = ProcessContext;

/** What a service gives back. */
export type ServiceParts = Omit<ProcessParts, "front" | "protocol"> & { implementations: Implementation[] };

/**
 * Runs a service until SIGTERM or SIGINT. Wrong settings end the process with code 2 and one line each; a failed start
 * with code 1.
 */
export async function runService<C extends ServiceConfig>(
  name: string,
  readServiceConfig: (env: NodeJS.ProcessEnv) => C,
  build: (config: C, context: ServiceContext) => Promise<ServiceParts>,
): Promise<void> {
  await runProcess(name, readServiceConfig, (config) => startService(name, config, build));
}

/** Starts a service inside this process; tests call this, `runService` wraps it. */
export async function startService<C extends ServiceConfig>(
  name: string,
  config: C,
  build: (config: C, context: ServiceContext) => Promise<ServiceParts>,
): Promise<RunningProcess> {
  return await startProcess(name, config, async (_, context) => {
    const { implementations, ...parts } = await build(config, context);
    const front = await startGrpcServer({ host: config.HOST, port: config.PORT, implementations, ...context });
    return { front, protocol: "grpc", ...parts };
  });
}
