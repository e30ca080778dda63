// Migrations: forward only, in the order of their numbers, each in a transaction of its own with the row that says it is done;
// and the role and schema they live in. One that waits for a lock lets nobody queue behind it for long: it gives up its place
// after some seconds, and tries again.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Sql, Transaction } from "./sql.ts";
import { transact } from "./transaction.ts";

/** One service's place in the database. */
export type SchemaOptions = {
  /** Schema name; lower-case letters and underscores. */
  schema: string;
  /** The role that the service connects as. It owns nothing: migrations grant it what it needs. */
  role: string;
  /** Folder of `NNNN_verb_noun.sql` files. */
  dir: string;
};

/** How a migration waits for locks that others hold, and who hears of it. */
type Patience = {
  /** Milliseconds that it waits for one; whoever comes after it waits as long. */
  lockTimeoutMs?: number;
  /** Milliseconds until it tries again, in which the others get on. */
  lockPauseMs?: number;
  /** Most tries of one migration. */
  lockTriesMax?: number;
  /** Takes a line for whoever started it. */
  tell?: (line: string) => void;
};

type Migration = { version: number; name: string; sql: string; checksum: string };

/**
 * Creates schema and role where they are missing, sets the role's password, and applies what has not been applied.
 * `sql` connects as the database's owner. Safe to run from several processes at once. Returns the names of the
 * migrations it applied; where it throws, those before the one that failed are applied. Throws when an applied file has
 * been changed since, and when a lock can't be had.
 */
export async function migrate(
  sql: Sql,
  { schema, role, dir, password, ...patience }: SchemaOptions & Patience & { password: string },
): Promise<string[]> {
  const migrations = await readMigrations(dir);
  await inTurn(sql, { ...patience, what: `${schema}: its role and schema` }, async (tx) => {
    await prepare(tx, { schema, role, password });
  });
  const done: string[] = [];
  for (const migration of migrations) {
    const what = `${schema}: ${migration.name}`;
    const isApplied = await inTurn(sql, { ...patience, what }, (tx) => apply(tx, { schema, migration }));
    if (isApplied) done.push(migration.name);
  }
  return done;
}

/** True when the database has every migration of `dir`, which is what a service of this build needs. */
export async function isMigrated(sql: Sql, { schema, dir }: Pick<SchemaOptions, "schema" | "dir">): Promise<boolean> {
  const migrations = await readMigrations(dir);
  const [row] = await sql<{ version: number | null }[]>`select max(version) as version from ${sql(schema)}.migration`;
  return (row?.version ?? 0) >= (migrations.at(-1)?.version ?? 0);
}

// Under one lock for all starters, so that they come one after the other and see what the one before has done.
async function inTurn<T>(
  sql: Sql,
  options: Patience & { what: string },
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const { lockTimeoutMs = 5_000, lockPauseMs = 5_000, lockTriesMax = 30, tell = () => {}, what } = options;
  for (let tries = 1; ; tries += 1) {
    try {
      return await transact(sql, async (tx) => {
        await tx`select pg_advisory_xact_lock(hashtextextended('boxoffice.migrate', 0))`;
        await tx`select set_config('lock_timeout', ${String(lockTimeoutMs)}, true)`;
        return await work(tx);
      });
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (tries >= lockTriesMax) throw new Error(`${what} got no lock in ${tries} tries`, { cause: error });
      tell(
        `${what} waited ${lockTimeoutMs} ms for a lock that somebody holds; ` +
          `try ${tries + 1} of ${lockTriesMax} comes in ${lockPauseMs} ms (pg_stat_activity and pg_locks show who)`,
      );
      await sleep(lockPauseMs);
    }
  }
}

async function prepare(
  tx: Transaction,
  { schema, role, password }: Omit<SchemaOptions, "dir"> & { password: string },
): Promise<void> {
  const [known] = await tx`select 1 from pg_roles where rolname = ${role}`;
  const [quoted] = await tx<{ password: string }[]>`select quote_literal(${password}) as password`;
  await tx.unsafe(`${known ? "alter" : "create"} role ${role} login password ${quoted!.password}`);
  await tx.unsafe(`create schema if not exists ${schema}`);
  await tx.unsafe(`grant usage on schema ${schema} to ${role}`);
  await tx.unsafe(
    `create table if not exists ${schema}.migration (
       version int primary key, name text not null, checksum text not null,
       applied_at timestamptz not null default clock_timestamp())`,
  );
  await tx.unsafe(`grant select on ${schema}.migration to ${role}`);
}

/** Returns false where it was applied before. */
async function apply(
  tx: Transaction,
  { schema, migration }: { schema: string; migration: Migration },
): Promise<boolean> {
  const { version, name, checksum } = migration;
  const [applied] = await tx<{ checksum: string }[]>`
    select checksum from ${tx(schema)}.migration where version = ${version}`;
  if (applied?.checksum === checksum) return false;
  if (applied) throw new Error(`${schema}: ${name} was changed after it was applied`);
  await tx.unsafe(migration.sql);
  await tx`insert into ${tx(schema)}.migration (version, name, checksum) values (${version}, ${name}, ${checksum})`;
  return true;
}

// lock_not_available. https://www.postgresql.org/docs/current/errcodes-appendix.html
function isLockTimeout(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === "55P03";
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith(".sql")).sort();
  return await Promise.all(
    names.map(async (name, index) => {
      const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (version !== index + 1) throw new Error(`${name}: migrations are numbered 0001, 0002, … without gaps`);
      const text = await readFile(`${dir}/${name}`, "utf8");
      return { version, name, sql: text, checksum: createHash("sha256").update(text).digest("hex") };
    }),
  );
}
