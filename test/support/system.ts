// The whole system as real processes, for tests: a database and a Redis of its own, every service, the gateway, the
// sandbox provider and the development issuer, on free ports.

import { type PrivateRedis, findRedisServer, startRedis } from "#stack/redis";
import { freePort } from "#stack/ports";
import type { Ports, RunningProcess } from "#stack/process";
import { createSupervisor } from "#stack/supervisor";
import { httpUrlOf, startTopology, type ExtraSettings, type ProcessName, type TopologyOptions } from "#stack/topology";
import { createTestDatabase, type TestDatabase } from "./database.ts";

/** What to start. */
export type SystemOptions = {
  /** How many of each process; one where not given. The others are named `inventory-2`, `inventory-3`, …. */
  replicas?: Partial<Record<ProcessName, number>>;
  /** Settings given to a process beside or instead of the usual ones. */
  settings?: ExtraSettings;
  /** Options of Node itself for a process's replicas. */
  nodeOptions?: TopologyOptions["nodeOptions"];
  /** Told of every line that a process prints: `lastLines` forgets. */
  onLine?: (name: string, line: string) => void;
};

/** A running system. */
export type System = {
  gatewayUrl: string;
  issuerUrl: string;
  sandboxUrl: string;
  database: TestDatabase;
  redis: PrivateRedis;
  /** Ports of a process, as they were announced. */
  portsOf(name: string): Ports;
  /** Names of the running processes. */
  names(): string[];
  /** Sends a signal and waits for the process to end. */
  kill(name: string, signal: NodeJS.Signals): Promise<void>;
  /** Starts a process that was killed, or stops and starts a running one, on the ports it had; `env` goes with it from now on. */
  restart(name: string, env?: Record<string, string>): Promise<void>;
  /** The last lines of every process, newest last, with the names of their processes. */
  lastLines(): string[];
  /** Stops everything and drops the database. */
  stop(): Promise<void>;
};

const running = new Set<System>();

// A hook of the root suite: every spec that uses a system gets its logs shown under a test that fails.
afterEach(function () {
  if (this.currentTest?.state !== "failed") return;
  for (const system of running)
    console.error(
      system
        .lastLines()
        .map((line) => `      ${line.slice(0, 500)}`)
        .join("\n"),
    );
});

/** Secrets of every system's settings. */
export const testSecrets = {
  sessionSecret: "a session secret of the tests, 32 or more",
  ticketSecret: "a ticket secret of the tests, 32 or more",
};

/** Starts a system and returns when every process of it is ready. Leaves nothing running when that fails. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const database = await createTestDatabase();
  const redis = await startRedis({ binary: await findRedisServer(console.log), port: await freePort() });
  const known = new Map<string, RunningProcess>();
  const unexpected: string[] = [];
  const supervisor = createSupervisor({
    startOptions: ({ name }) => ({ onLine: (line) => options.onLine?.(name, line) }),
    onUnexpectedEnd: ({ name }, how) => unexpected.push(`${name} ended by itself (${how})`),
  });
  const start: TopologyOptions["start"] = async (spec) => {
    const started = await supervisor.start(spec);
    known.set(spec.name, started);
    return started;
  };
  let system: System | undefined;
  const stop = async () => {
    if (system) running.delete(system);
    await supervisor.stop();
    await redis.stop();
    await database.drop();
  };

  try {
    const topology = await startTopology({
      ...options,
      backing: { databaseUrlOf: (schema) => database.urlOf(schema), redisUrl: redis.url, ...testSecrets },
      gatewayPort: 0,
      start,
    });
    system = {
      gatewayUrl: httpUrlOf(topology.gateway[0]!),
      issuerUrl: httpUrlOf(topology.issuer[0]!),
      sandboxUrl: httpUrlOf(topology.sandbox[0]!),
      database,
      redis,
      portsOf: (name) => processOf(known, name).ports,
      names: () => supervisor.names(),
      async kill(name, signal) {
        const victim = supervisor.release(name);
        victim.kill(signal);
        await victim.ended;
      },
      async restart(name, env = {}) {
        const { spec, ports } = processOf(known, name);
        if (supervisor.names().includes(name)) await supervisor.release(name).stop();
        await start({ ...spec, env: { ...spec.env, ...samePorts(ports), ...env } });
      },
      lastLines: () => [
        ...[...known.values()].flatMap(({ name, lastLines }) => lastLines().map((line) => `${name}: ${line}`)),
        ...unexpected,
      ],
      stop,
    };
    running.add(system);
    return system;
  } catch (error) {
    await stop();
    throw error;
  }
}

function processOf(known: Map<string, RunningProcess>, name: string): RunningProcess {
  const found = known.get(name);
  if (!found) throw new Error(`there is no process "${name}": there are ${[...known.keys()].join(", ")}`);
  return found;
}

// Whoever calls a restarted process goes on with the address that it knows.
function samePorts({ grpc, http, admin }: Ports): Record<string, string> {
  const port = grpc ?? http;
  return {
    ...(port === undefined ? {} : { PORT: String(port) }),
    ...(admin === undefined ? {} : { ADMIN_PORT: String(admin) }),
  };
}
