// The connection pool to Postgres, and what its errors mean.

import postgres from "postgres";
import { createSocketOpener } from "./watched-socket.ts";

export type Sql = postgres.Sql<{ int8: number }>;
export type Transaction = postgres.TransactionSql<{ int8: number }>;

/** How to reach the database. */
export type SqlOptions = {
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** Most connections of this process. */
  poolMax: number;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Milliseconds after which Postgres ends a statement. */
  statementTimeoutMs?: number;
  /** Settings of Postgres for these connections, e.g. of its planner. */
  settings?: Record<string, string>;
};

// What Postgres has had to end by then, and nothing was heard, nobody answers any more.
const silenceBeyondStatementMs = 2_000;

/** Returns a pool. int8 arrives as a number and throws beyond 2^53; timestamps arrive as Date. */
export function createSql(options: SqlOptions): Sql {
  const { statementTimeoutMs = 10_000, settings = {} } = options;
  // "socket" is in the driver's manual, but not among its types.
  const socket = { socket: createSocketOpener(statementTimeoutMs + silenceBeyondStatementMs) };
  const sql = postgres(options.url, {
    ...socket,
    max: options.poolMax,
    connect_timeout: 5,
    // The driver waits up to 20 seconds before it tries a server again; a restarted one is back within seconds.
    backoff: (retries: number) => Math.min(3 ** retries / 100, 1),
    onnotice: () => {},
    types: { int8: { to: 20, from: [20], serialize: String, parse: safeInteger } },
    connection: {
      application_name: options.applicationName,
      // What is acknowledged is durable, whatever the server's default.
      synchronous_commit: "on",
      statement_timeout: statementTimeoutMs,
      // A client that stalls inside a transaction must not keep rows locked.
      idle_in_transaction_session_timeout: statementTimeoutMs,
      ...settings,
    },
  }) as unknown as Sql;
  return withoutHoles(sql);
}

/**
 * True for errors that the content of a statement causes (SQLSTATE classes 22, data exception, and 23, integrity
 * constraint violation): repeating it unchanged fails again. Source: PostgreSQL manual, appendix A.
 */
export function isContentError(error: unknown): boolean {
  return error instanceof postgres.PostgresError && /^2[23]/.test(error.code);
}

/** True where a text was sent that Postgres can't store: one with a NUL. */
export function isUnstorableText(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === "22021";
}

/** Returns the name of the constraint that a statement broke, or undefined for any other error. */
export function violatedConstraint(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError && error.code.startsWith("23") ? error.constraint_name : undefined;
}

/**
 * True for errors of the way to the database or of its state, after which a repeat may succeed: lost connections,
 * shutdown, too many connections, deadlock, timeouts, and whatever made the server end the connection. Source: PostgreSQL
 * manual, appendix A; the error codes of postgres.js and of Node.
 */
export function isIoError(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) {
    return /^(08|40|53|55|57)/.test(error.code) || error.severity === "FATAL" || error.severity === "PANIC";
  }
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^(CONNECT|E(?!RR_)[A-Z_]+$)/.test(code);
}

// postgres.js up to 3.4.9 counts rows by connection, and does not begin anew after a statement that failed in the middle of
// its rows: the next result then has as many holes before its first row. In a transaction `begin` comes between the two.
// Source: github.com/porsager/postgres issues 1119 and 1181.
function withoutHoles(sql: Sql): Sql {
  return new Proxy(sql, {
    apply(target, self, args) {
      const query = Reflect.apply(target, self, args) as { resolve?: (rows: unknown[]) => void };
      const { resolve } = query;
      if (resolve) {
        query.resolve = (rows) => {
          const holes = rows.findIndex((row) => row !== undefined);
          if (holes > 0) rows.splice(0, holes);
          resolve(rows);
        };
      }
      return query;
    },
  });
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} is beyond 2^53`);
  return value;
}
