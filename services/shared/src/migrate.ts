// Migrations: forward only, all that are missing in one transaction, in the order of their numbers; and the role and schema they live in.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type { Sql } from "./sql.ts";
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

type Migration = { version: number; name: string; sql: string; checksum: string };

/**
 * Creates schema and role where they are missing, sets the role's password, and applies what has not been applied.
 * `sql` connects as the database's owner. Safe to run from several processes at once. Returns the names of the
 * migrations it applied. Throws when an applied file has been changed since.
 */
export async function migrate(sql: Sql, options: SchemaOptions & { password: string }): Promise<string[]> {
  const { schema, role, dir, password } = options;
  const migrations = await readMigrations(dir);
  return await transact(sql, async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended('boxoffice.migrate', 0))`;
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
    const applied = await tx<{ version: number; checksum: string }[]>`
      select version, checksum from ${tx(schema)}.migration`;
    const checksums = new Map(applied.map((row) => [row.version, row.checksum]));
    const done: string[] = [];
    for (const migration of migrations) {
      const checksum = checksums.get(migration.version);
      if (checksum === migration.checksum) continue;
      if (checksum !== undefined) throw new Error(`${schema}: ${migration.name} was changed after it was applied`);
      await tx.unsafe(migration.sql);
      await tx`
        insert into ${tx(schema)}.migration (version, name, checksum)
        values (${migration.version}, ${migration.name}, ${migration.checksum})`;
      done.push(migration.name);
    }
    return done;
  });
}

/** True when the database has every migration of `dir`, which is what a service of this build needs. */
export async function isMigrated(sql: Sql, { schema, dir }: Pick<SchemaOptions, "schema" | "dir">): Promise<boolean> {
  const migrations = await readMigrations(dir);
  const [row] = await sql<{ version: number | null }[]>`select max(version) as version from ${sql(schema)}.migration`;
  return (row?.version ?? 0) >= (migrations.at(-1)?.version ?? 0);
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
