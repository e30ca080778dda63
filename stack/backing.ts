// Postgres and Redis under the stack: embedded ones, or the user's own.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkPostgres, checkRedis } from "./external.ts";
import { freePort } from "./ports.ts";
import { startPostgres } from "./postgres.ts";
import type { Progress } from "./progress.ts";
import { findRedisServer, startRedis } from "./redis.ts";
import type { UpSettings } from "./settings.ts";

/** A server under the stack. */
export type BackingServer = {
  name: "Postgres" | "Redis";
  /** Connection string; for Postgres the owner's. */
  url: string;
  /** Process id, where the server is ours to watch. */
  pid?: number;
  /** Its last lines of log, where it is ours. */
  lastLines(): Promise<string[]>;
  /** Stops it, at once with `immediate`. Does nothing to the user's own server. */
  stop(how: "orderly" | "immediate"): Promise<void>;
};

/** What the servers need that this machine has. */
export type BackingTools = {
  /** Path of `redis-server`, where a private Redis will be started. */
  redisBinary: string | undefined;
};

/**
 * Checks the user's own servers and looks for the tools of the others, installing what is missing, before anything is
 * started. Throws StackError.
 */
export async function prepareBacking(settings: UpSettings, progress: Progress): Promise<BackingTools> {
  const { databaseUrl, redisUrl } = settings;
  if (databaseUrl !== undefined) {
    await progress.step(
      "Postgres",
      () => checkPostgres(databaseUrl),
      (version) => `${version}, yours (DATABASE_URL)`,
    );
  }
  if (redisUrl !== undefined) {
    await progress.step(
      "Redis",
      () => checkRedis(redisUrl),
      (version) => `${version}, yours (REDIS_URL)`,
    );
  }
  return { redisBinary: redisUrl === undefined ? await findRedisServer(progress.say) : undefined };
}

/** Returns the Postgres of DATABASE_URL, or starts the embedded one. Throws StackError. */
export async function openPostgres({ databaseUrl, dataDir }: UpSettings, progress: Progress): Promise<BackingServer> {
  if (databaseUrl !== undefined) return { name: "Postgres", url: databaseUrl, ...leftAlone };
  const dir = join(dataDir, "postgres");
  const port = await freePort();
  const { url, pid, stop } = await progress.step(
    "Postgres",
    async () => {
      const server = await startPostgres({ dir, port });
      return { ...server, pid: await server.pid() };
    },
    (server) => `process ${server.pid}, port ${port}, data in ${dir}`,
  );
  return {
    name: "Postgres",
    url,
    pid,
    lastLines: async () => (await readFile(join(dir, "server.log"), "utf8").catch(() => "")).trim().split("\n"),
    stop: (how) => stop(how === "immediate" ? "immediate" : "fast"),
  };
}

/** Returns the Redis of REDIS_URL, or starts a private one. Throws StackError. */
export async function openRedis(
  { redisUrl }: UpSettings,
  { redisBinary }: BackingTools,
  progress: Progress,
): Promise<BackingServer> {
  if (redisUrl !== undefined) return { name: "Redis", url: redisUrl, ...leftAlone };
  const port = await freePort();
  const { url, pid, stop } = await progress.step(
    "Redis",
    () => startRedis({ binary: redisBinary!, port }),
    (server) => `process ${server.pid}, port ${port}`,
  );
  return { name: "Redis", url, pid, lastLines: async () => [], stop: () => stop() };
}

const leftAlone = { lastLines: async () => [], stop: async () => {} };
