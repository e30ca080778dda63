// A fresh database for a test file, cloned from a migrated template.

import { randomBytes } from "node:crypto";
import { createSql, type Sql } from "#shared/sql";
import { roleUrl, type SchemaName } from "#stack/schemas";

/** The template's name and the roles' password, set by test/run.ts. */
export const templateName = "boxoffice_template";
export const rolePassword = "boxoffice-test-roles";

/** A database of one test file's own. */
export type TestDatabase = {
  /** Connection string of the owner. */
  url: string;
  /** Connection string of a service's role. */
  urlOf(schema: SchemaName): string;
  /** A small pool of the owner's. */
  sql: Sql;
  /** Ends the pool and drops the database, whoever is still connected. */
  drop(): Promise<void>;
};

/** Clones the template. Call in `before`, and `drop` in `after`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = testSetting("TEST_DATABASE_URL");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await onServer(serverUrl, `create database ${name} template ${templateName}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const sql = createSql({ url: url.href, poolMax: 4, applicationName: "test" });
  return {
    url: url.href,
    urlOf: (schema) => roleUrl(url.href, schema, rolePassword),
    sql,
    async drop() {
      await sql.end({ timeout: 1 });
      await onServer(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

/** Returns a setting that test/run.ts gives to every test. */
export function testSetting(name: "TEST_DATABASE_URL" | "TEST_REDIS_URL"): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run tests with "make test" or "npm test -- <files>"`);
  return value;
}

async function onServer(url: string, statement: string): Promise<void> {
  const sql = createSql({ url, poolMax: 1, applicationName: "test" });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
