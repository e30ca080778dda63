// Checks of servers that the user brought along, before anything is started.

import { Redis } from "ioredis";
import { createSql, type Sql } from "#shared/sql";
import { StackError } from "./stack-error.ts";

const postgresVersionMin = 15;
const redisVersionMin = 6;

/** Returns the version of the Postgres at `url`. Throws StackError when it can't be used, naming the remedy. */
export async function checkPostgres(url: string): Promise<string> {
  const sql = createSql({ url, poolMax: 1, applicationName: "boxoffice-check", statementTimeoutMs: 5_000 });
  try {
    const { version, major, mayCreateRoles, mayCreateSchemas, user, database } = await readAbilities(sql);
    const refuse = (reason: string) => new StackError(`DATABASE_URL: ${reason}`);
    if (major < postgresVersionMin) {
      throw refuse(`Postgres ${version} is too old: use ${postgresVersionMin} or newer`);
    }
    if (!mayCreateRoles) {
      throw refuse(`user "${user}" may not create roles: run "alter role ${user} createrole" as a superuser`);
    }
    if (!mayCreateSchemas) {
      throw refuse(`user "${user}" may not create schemas: run "grant create on database ${database} to ${user}"`);
    }
    return version;
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw new StackError(`DATABASE_URL: can't use Postgres at ${placeOf(url)}: ${reasonOf(error)}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Returns the version of the Redis at `url`. Throws StackError when it can't be used, naming the remedy. */
export async function checkRedis(url: string): Promise<string> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 5_000, retryStrategy: () => null });
  let lastError: unknown;
  redis.on("error", (error) => (lastError = error));
  try {
    await redis.connect();
    const version = /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "of unknown version";
    if (Number.parseInt(version, 10) < redisVersionMin) {
      throw new StackError(`REDIS_URL: Redis ${version} is too old: use ${redisVersionMin} or newer`);
    }
    return version;
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw new StackError(`REDIS_URL: can't use Redis at ${placeOf(url)}: ${reasonOf(lastError ?? error)}`);
  } finally {
    redis.disconnect();
  }
}

async function readAbilities(sql: Sql) {
  const [row] = await sql<
    {
      version: string;
      major: number;
      mayCreateRoles: boolean;
      mayCreateSchemas: boolean;
      user: string;
      database: string;
    }[]
  >`
    select
      current_setting('server_version') as version,
      current_setting('server_version_num')::int / 10000 as major,
      rolsuper or rolcreaterole as "mayCreateRoles",
      has_database_privilege(current_database(), 'create') as "mayCreateSchemas",
      current_user::text as user,
      current_database()::text as database
    from pg_roles
    where rolname = current_user`;
  return row!;
}

// Host and database only: the rest of the URL may hold a password.
function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}${port ? `:${port}` : ""}${pathname}`;
}

function reasonOf(error: unknown): string {
  const { code, message, errors } = error as { code?: string; message?: string; errors?: Error[] };
  const text = message || errors?.[0]?.message || code || "no answer";
  return `${text.split("\n")[0]} (is it running, and are user and password right?)`;
}
