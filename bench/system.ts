// The whole system for measurements: embedded Postgres with durability on, private Redis, the real processes, all on this
// machine. Limits stay on, set so high that a load from one address passes them.

import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { createSql, type Sql } from "#shared/sql";
import { freePort } from "#stack/ports";
import { startPostgres } from "#stack/postgres";
import { findRedisServer, startRedis } from "#stack/redis";
import { migrateAll, roleUrl } from "#stack/schemas";
import { createSupervisor } from "#stack/supervisor";
import { httpUrlOf, startTopology, type ExtraSettings, type ProcessName } from "#stack/topology";
import type { RunningProcess } from "#stack/process";

/** Signs the sessions of simulated buyers. */
export const sessionSecret = "a session secret of the benchmark, 32 or more";

/** What to start. */
export type BenchSystemOptions = {
  replicas?: Partial<Record<ProcessName, number>>;
  settings?: ExtraSettings;
  nodeOptions?: Partial<Record<ProcessName, string[]>>;
};

/** A running system. */
export type BenchSystem = {
  /** One for each gateway. */
  gatewayUrls: string[];
  issuerUrl: string;
  sql: Sql;
  /** The system's processes by component: pids whose children count as well. */
  pids(): Record<string, number[]>;
  /** Where each Node process of a service tells its metrics, by component. */
  metricsUrls: Record<string, string[]>;
  stop(): Promise<void>;
};

const rolePassword = "boxoffice-bench";
/** Limits that count but never refuse one address. */
export const generousLimits = {
  LIMIT_ADDRESS: "1000000000",
  LIMIT_SESSIONS_PER_ADDRESS: "1000000000",
  LIMIT_EVENT: "1000000000",
  // All load comes from one address.
  CONNECTIONS_PER_ADDRESS_MAX: "1000000",
};

let systems = 0;

/** Starts a system on an empty database. */
export async function startBenchSystem(options: BenchSystemOptions = {}): Promise<BenchSystem> {
  const dir = resolve(`.data/bench-${process.pid}-${(systems += 1)}`);
  const stops: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    await rm(dir, { recursive: true, force: true });
    const redis = await startRedis({ binary: await findRedisServer(console.log), port: await freePort() });
    stops.push(redis.stop);
    const postgres = await startPostgres({ dir: `${dir}/postgres`, port: await freePort() });
    stops.push(() => postgres.stop("fast"));
    const postgresPid = await postgres.pid();
    await migrateAll(postgres.url, rolePassword);
    const sql = createSql({ url: postgres.url, poolMax: 2, applicationName: "bench", statementTimeoutMs: 300_000 });
    stops.push(() => sql.end({ timeout: 1 }));

    const supervisor = createSupervisor({
      startOptions: ({ name }) => ({
        onLine: (line) => process.env["BENCH_VERBOSE"] && console.log(`${name}: ${line}`),
      }),
      onUnexpectedEnd: ({ name, lastLines }, how) => {
        console.error(`${name} ended by itself (${how})\n${lastLines().join("\n")}`);
        process.exitCode = 1;
      },
    });
    stops.push(() => supervisor.stop());
    const topology = await startTopology({
      backing: {
        databaseUrlOf: (schema) => roleUrl(postgres.url, schema, rolePassword),
        redisUrl: redis.url,
        sessionSecret,
        ticketSecret: sessionSecret,
      },
      gatewayPort: 0,
      replicas: options.replicas,
      settings: withLimits(options.settings ?? {}),
      isBuilt: true,
      nodeOptions: options.nodeOptions,
      start: (spec) => supervisor.start({ ...spec, env: { LOG_LEVEL: "warn", ...spec.env } }),
    });
    const metricsOf = (running: RunningProcess[]) =>
      running.map(({ ports }) => `http://127.0.0.1:${ports.admin}/metrics`);
    const pidsOf = (running: RunningProcess[]) => running.map(({ pid }) => pid);
    return {
      gatewayUrls: topology.gateway.map(httpUrlOf),
      issuerUrl: httpUrlOf(topology.issuer[0]!),
      sql,
      metricsUrls: {
        gateway: metricsOf(topology.gateway),
        reservation: metricsOf(topology.reservation),
        inventory: metricsOf(topology.inventory),
        payment: metricsOf(topology.payment),
      },
      pids: () => ({
        gateway: pidsOf(topology.gateway),
        reservation: pidsOf(topology.reservation),
        inventory: pidsOf(topology.inventory),
        payment: pidsOf(topology.payment),
        sandbox: pidsOf(topology.sandbox),
        postgres: [postgresPid],
        redis: [redis.pid],
      }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function withLimits(settings: ExtraSettings): ExtraSettings {
  return { ...settings, gateway: { ...generousLimits, ...settings.gateway } };
}
