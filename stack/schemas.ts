// The services' places in the database: one schema and one role each.

import { fileURLToPath } from "node:url";
import { migrate } from "#shared/migrate";
import { createSql } from "#shared/sql";

/** The services that have a schema. */
export const schemaNames = ["inventory", "reservation", "payment"] as const;
export type SchemaName = (typeof schemaNames)[number];

/** The services' roles. They belong to the whole server, as all roles of Postgres: every database of it has the same ones. */
export const roleNames = schemaNames.map(roleOf);

/** Returns the connection string of a service's role, on the same server and database as the owner's `url`. */
export function roleUrl(url: string, schema: SchemaName, password: string): string {
  const result = new URL(url);
  result.username = roleOf(schema);
  result.password = password;
  return result.href;
}

/**
 * Brings every schema of the database at `url` (its owner's) to the newest version. Returns what was applied; `tell` hears
 * of migrations that wait.
 */
export async function migrateAll(url: string, password: string, tell?: (line: string) => void): Promise<string[]> {
  const sql = createSql({ url, poolMax: 1, applicationName: "boxoffice-migrate", statementTimeoutMs: 600_000 });
  try {
    const applied: string[] = [];
    for (const schema of schemaNames) {
      const dir = fileURLToPath(new URL(`../services/${schema}/migrations`, import.meta.url));
      const names = await migrate(sql, { schema, role: roleOf(schema), dir, password, ...(tell && { tell }) });
      applied.push(...names.map((name) => `${schema}/${name}`));
    }
    return applied;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function roleOf(schema: SchemaName): string {
  return `boxoffice_${schema}`;
}
