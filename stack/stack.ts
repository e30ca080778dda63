// The whole stack of `make up`: starts everything in order, watches it, stops everything in the opposite order.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openPostgres, openRedis, prepareBacking, type BackingServer } from "./backing.ts";
import { build } from "./build.ts";
import { ensureDemoEvent } from "./demo-event.ts";
import { takeLock } from "./lock.ts";
import { createLogFile, createThrottle, noteworthy, type LogFile } from "./log-file.ts";
import { assertPortFree } from "./ports.ts";
import { killAllProcesses, type ProcessSpec, type RunningProcess, type StartOptions } from "./process.ts";
import type { Progress } from "./progress.ts";
import { migrateAll, roleUrl } from "./schemas.ts";
import { loadSecrets } from "./secrets.ts";
import type { UpSettings } from "./settings.ts";
import { StackError } from "./stack-error.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";
import { httpUrlOf, startTopology } from "./topology.ts";

/** Where the stack is reached. */
export type StackUrls = {
  gatewayUrl: string;
  issuerUrl: string;
  /** The owner's connection string of the embedded Postgres; undefined where the user's own is used. */
  databaseUrl: string | undefined;
};

/** A stack. */
export type Stack = {
  /** Starts everything; returns where it is reached. Throws StackError, leaving what runs to `stop`. */
  start(interruption: AbortSignal): Promise<StackUrls>;
  /** Rejects with StackError when a part of the stack ends by itself. */
  failed: Promise<never>;
  /** Stops whatever runs, in order. */
  stop(): Promise<void>;
  /** Ends whatever runs, at once. */
  force(): Promise<void>;
};

const watchIntervalMs = 1_000;

/** Returns a stack that is not started. */
export function createStack(settings: UpSettings, progress: Progress): Stack {
  const { dataDir, gatewayPort } = settings;
  const logsDir = join(dataDir, "logs");
  const servers: BackingServer[] = [];
  const logs: LogFile[] = [];
  const releases: (() => Promise<void>)[] = [];
  let watch: NodeJS.Timeout | undefined;
  let starting: AbortSignal | undefined;
  const broken = new AbortController();
  const failed = new Promise<never>((_, reject) => {
    broken.signal.addEventListener("abort", () => reject(broken.signal.reason as StackError));
  });
  failed.catch(() => {});

  const supervisor: Supervisor = createSupervisor({
    startOptions: (spec) => startOptionsOf(spec),
    onUnexpectedEnd: (ended, how) => broken.abort(new StackError(explainEnd(ended.name, how, ended.lastLines()))),
  });

  function startOptionsOf({ name }: ProcessSpec): StartOptions {
    const log = createLogFile(join(logsDir, `${name}.log`));
    logs.push(log);
    const throttle = createThrottle();
    const onLine = (line: string) => {
      log.write(line);
      const note = noteworthy(line);
      const shown = note === undefined ? undefined : throttle(note.slice(0, 300));
      if (shown !== undefined) progress.say(`  ${name}: ${shown}`);
    };
    return { onLine, ...(starting ? { signal: starting } : {}) };
  }

  function explainEnd(name: string, how: string, lastLines: string[]): string {
    const lines = lastLines.slice(-15).map((line) => `    ${line}`);
    return [`${name} ended by itself (${how}); its last lines:`, ...lines].join("\n");
  }

  // The servers are not our direct children (pg_ctl's is), so their ends are noticed by asking.
  function watchServers(): void {
    watch = setInterval(() => {
      for (const server of servers) {
        if (server.pid === undefined || isAlive(server.pid)) continue;
        clearInterval(watch);
        void server
          .lastLines()
          .then((lines) => broken.abort(new StackError(explainEnd(server.name, "unknown", lines))));
      }
    }, watchIntervalMs);
  }

  async function startProcesses(ownerUrl: string, redisUrl: string): Promise<StackUrls> {
    const secrets = await loadSecrets(dataDir);
    await progress.step(
      "migrations",
      () => migrateAll(ownerUrl, secrets.rolePassword).catch(explainMigrationError),
      (applied) => (applied.length > 0 ? `${applied.length} applied` : "up to date"),
    );
    const { gateway, issuer } = await startTopology({
      backing: {
        databaseUrlOf: (schema) => roleUrl(ownerUrl, schema, secrets.rolePassword),
        redisUrl,
        sessionSecret: secrets.sessionSecret,
        ticketSecret: secrets.ticketSecret,
      },
      gatewayPort,
      settings: { payment: settings.payment },
      isBuilt: true,
      start: (spec) => progress.step(spec.name, () => supervisor.start(spec), placeOf),
    });
    const urls = {
      gatewayUrl: httpUrlOf(gateway[0]!),
      issuerUrl: httpUrlOf(issuer[0]!),
      databaseUrl: settings.databaseUrl === undefined ? ownerUrl : undefined,
    };
    await progress.step("demo event", () => ensureDemoEvent({ ...urls, nowMs: Date.now() }), String);
    return urls;
  }

  // A process that ends while others still start makes those fail too: what counts is what failed first.
  function blameFirstFailure(error: unknown): never {
    throw broken.signal.aborted ? broken.signal.reason : error;
  }

  return {
    failed,
    async start(interruption) {
      const signal = (starting = AbortSignal.any([interruption, broken.signal]));
      await mkdir(logsDir, { recursive: true });
      const lock = await takeLock(dataDir);
      if ("holderPid" in lock) {
        throw new StackError(
          `it runs here already (process ${lock.holderPid}, data in ${dataDir}): use that one, or stop it with Ctrl-C there or \`kill ${lock.holderPid}\``,
        );
      }
      releases.push(lock.release);
      await assertPortFree(gatewayPort);
      progress.say("Starting Boxoffice.");
      const tools = await prepareBacking(settings, progress);
      signal.throwIfAborted();
      await progress.step("build", build);
      signal.throwIfAborted();
      servers.push(await openPostgres(settings, progress));
      signal.throwIfAborted();
      servers.push(await openRedis(settings, tools, progress));
      signal.throwIfAborted();
      const urls = await startProcesses(servers[0]!.url, servers[1]!.url).catch(blameFirstFailure);
      watchServers();
      return urls;
    },
    async stop() {
      clearInterval(watch);
      await supervisor.stop((name) => progress.say(`  stopping ${name}`));
      for (const server of servers.reverse()) {
        if (server.pid !== undefined) progress.say(`  stopping ${server.name}`);
        await server.stop("orderly").catch((error: unknown) => progress.say(`  ${server.name}: ${String(error)}`));
      }
      for (const release of releases) await release();
      for (const log of logs) log.close();
    },
    async force() {
      killAllProcesses();
      await Promise.allSettled(servers.map((server) => server.stop("immediate")));
    },
  };
}

function explainMigrationError(error: unknown): never {
  const { message } = error as Error;
  if (!message.includes("was changed after it was applied")) throw error;
  throw new StackError(`the database was made by another version of this code (${message}): run "make reset"`);
}

function placeOf({ pid, ports }: RunningProcess): string {
  return [`process ${pid}`, ...Object.entries(ports).map(([kind, port]) => `${kind} port ${port}`)].join(", ");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
