// Runs the tests: starts a real Postgres and a real Redis, migrates a template, hands over to mocha, checks the coverage
// of services/ and gateway/, and ends with one line: the counts, or that it was interrupted. `npm test -- FILE…` runs some
// files, without coverage.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import { resolve } from "node:path";
import { createSql } from "#shared/sql";
import { freePort } from "#stack/ports";
import { startPostgres } from "#stack/postgres";
import { findRedisServer, startRedis } from "#stack/redis";
import { migrateAll } from "#stack/schemas";
import { StackError } from "#stack/stack-error";
import { rolePassword, templateName } from "./support/database.ts";

const everything = [
  "proto/src/**/*.spec.ts",
  "services/**/*.spec.ts",
  "gateway/**/*.spec.ts",
  "stack/**/*.spec.ts",
  "bench/**/*.spec.ts",
  "test/**/*.spec.ts",
];
const linesMin = 90;
/** What is interrupted has this long to end by itself. */
const endTimeoutMs = 5_000;

const asked = process.argv.slice(2);
const dir = resolve(`.data/test-${process.pid}`);
const stops: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
let interruptedBy: NodeJS.Signals | undefined;
let mochaPid: number | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interruptedBy) return;
    interruptedBy = signal;
    signalMocha(signal);
    setTimeout(signalMocha, endTimeoutMs, "SIGKILL").unref();
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  // What the signal broke, too, explains nothing.
  if (!interruptedBy) console.error(error instanceof StackError ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const stop of stops.reverse()) await stop().catch((error: unknown) => console.error(error));
}
if (interruptedBy) {
  process.exitCode = 128 + constants.signals[interruptedBy];
  console.log(`interrupted by ${interruptedBy}`);
}

async function main(): Promise<number> {
  await mkdir(dir, { recursive: true });
  const redis = await startRedis({ binary: await findRedisServer(console.log), port: await freePort() });
  stops.push(redis.stop);
  if (interruptedBy) return 1;
  const postgres = await startPostgres({ dir: `${dir}/postgres`, port: await freePort() });
  stops.push(() => postgres.stop("immediate"));
  if (interruptedBy) return 1;
  await createTemplate(postgres.url);
  if (interruptedBy) return 1;

  const countsFile = `${dir}/counts.json`;
  const args = [
    ...(asked.length > 0 ? [] : coverageArgs()),
    // Options of Node, in front of mocha: among its own they would have it start another process.
    ...["--import=tsx", "--import=./test/support/exit-on-signal.ts", "node_modules/mocha/bin/mocha.js"],
    ...["--reporter=test/support/reporter.ts", "--timeout=20000", "--forbid-only", "--exit"],
    ...(asked.length > 0 ? asked : everything),
  ];
  const code = await runMocha(args, {
    TEST_DATABASE_URL: postgres.url,
    TEST_REDIS_URL: redis.url,
    TEST_COUNTS_FILE: countsFile,
  });
  if (interruptedBy) return 1;
  const counts = JSON.parse(await readFile(countsFile, "utf8").catch(() => "null")) as {
    passes: number;
    failures: number;
    pending: number;
  } | null;
  if (!counts) {
    console.log("0 passed, 1 failed");
    return 1;
  }
  if (code !== 0 && counts.failures === 0) console.log("the tests passed, but the run failed: see above");
  const skipped = counts.pending > 0 ? `, ${counts.pending} skipped` : "";
  console.log(`${counts.passes} passed, ${counts.failures} failed${skipped}`);
  return code ?? 1;
}

// In a group of its own, so that Ctrl-C reaches this process alone, and nothing that specs have started outlives them.
async function runMocha(args: string[], env: Record<string, string>): Promise<number | null> {
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
    detached: true,
  });
  mochaPid = child.pid;
  const [code] = (await once(child, "exit")) as [number | null];
  signalMocha("SIGKILL");
  mochaPid = undefined;
  return code;
}

function signalMocha(signal: NodeJS.Signals): void {
  if (mochaPid === undefined) return;
  try {
    process.kill(-mochaPid, signal);
  } catch {
    // The whole group has ended already.
  }
}

async function createTemplate(url: string): Promise<void> {
  const sql = createSql({ url, poolMax: 1, applicationName: "test" });
  await sql.unsafe(`create database ${templateName}`);
  await sql.end();
  const template = new URL(url);
  template.pathname = `/${templateName}`;
  await migrateAll(template.href, rolePassword);
}

function coverageArgs(): string[] {
  return [
    "node_modules/c8/bin/c8.js",
    ...["--all", "--src=services", "--src=gateway", "--include=services/**/*.ts", "--include=gateway/**/*.ts"],
    ...[
      "--exclude=**/*.spec.ts",
      "--exclude=**/test/**",
      "--exclude=**/testing/**",
      "--reporter=text-summary",
      "--reporter=html",
    ],
    ...["--check-coverage", `--lines=${linesMin}`],
    process.execPath,
  ];
}
