// The servers under the stack, which faults kill, stop and flush.

import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "#stack/ports";
import { startPostgres } from "#stack/postgres";
import { findRedisServer, startRedis, type PrivateRedis } from "#stack/redis";

/** Postgres and Redis, on ports that they keep. */
export type Servers = {
  /** The owner's connection string. */
  postgresUrl: string;
  postgresPort: number;
  /** Postgres's log. */
  postgresLog: string;
  redisUrl: string;
  redisPort: number;
  redisPid(): number;
  /** Stops Postgres as an administrator does, rolling back what runs. */
  stopPostgres(): Promise<void>;
  /** `kill -9` of Postgres's main process; the others notice and end. Returns its id. */
  killPostgres(): Promise<number>;
  /** Returns once Postgres takes connections. */
  startPostgres(): Promise<void>;
  killRedis(): Promise<void>;
  startRedis(): Promise<void>;
  stop(): Promise<void>;
};

const startTimeoutMs = 30_000;

/** Starts both; Postgres keeps its data in `dir`. */
export async function startServers(dir: string): Promise<Servers> {
  const postgresPort = await freePort();
  const postgresDir = join(dir, "postgres");
  // Few connections, so that they can be exhausted quickly: twice what the services may open, and some for the harness.
  const postgres = await startPostgres({ dir: postgresDir, port: postgresPort, settings: { max_connections: "80" } });
  const redisPort = await freePort();
  const binary = await findRedisServer(console.log);
  let redis: PrivateRedis | undefined = await startRedis({ binary, port: redisPort });

  return {
    postgresUrl: postgres.url,
    postgresPort,
    postgresLog: join(postgresDir, "server.log"),
    redisUrl: redis.url,
    redisPort,
    redisPid: () => redis!.pid,
    stopPostgres: () => postgres.stop("fast"),
    async killPostgres() {
      const pid = await postgres.pid();
      process.kill(pid, "SIGKILL");
      while ((await processState(pid)) !== "gone") await sleep(10);
      return pid;
    },
    async startPostgres() {
      const giveUpAtMs = Date.now() + startTimeoutMs;
      for (;;) {
        try {
          return await postgres.start();
        } catch (error) {
          // Its killed predecessor's children may take a moment to leave.
          if (Date.now() > giveUpAtMs) throw error;
          await sleep(100);
        }
      }
    },
    async killRedis() {
      process.kill(redis!.pid, "SIGKILL");
      await redis!.stop();
      redis = undefined;
    },
    startRedis: async () => void (redis = await startRedis({ binary, port: redisPort })),
    async stop() {
      await redis?.stop();
      await postgres.stop("fast").catch(() => {});
      await rm(postgresDir, { recursive: true, force: true });
    },
  };
}

/** Returns whether a process runs, is stopped by a signal, or is gone (or waits to be buried). */
export async function processState(pid: number): Promise<"running" | "stopped" | "gone"> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "state=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  const state = stdout.trim()[0];
  if (state === undefined || state === "Z") return "gone";
  return state === "T" ? "stopped" : "running";
}
