// The connection pool to Postgres, and what its errors mean.

import postgres from "postgres";

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

/** Returns a pool. int8 arrives as a number and throws beyond 2^53; timestamps arrive as Date. */
export function createSql(options: SqlOptions): Sql {
  const { statementTimeoutMs = 10_000, settings = {} } = options;
  return postgres(options.url, {
    max: options.poolMax,
    connect_timeout: 5,
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
}

/**
 * True for errors that the content of a statement causes (SQLSTATE classes 22, data exception, and 23, integrity
 * constraint violation): repeating it unchanged fails again. Source: PostgreSQL manual, appendix A.
 */
export function isContentError(error: unknown): boolean {
  return error instanceof postgres.PostgresError && /^2[23]/.test(error.code);
}

/** Returns the name of the constraint that a statement broke, or undefined for any other error. */
export function violatedConstraint(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError && error.code.startsWith("23") ? error.constraint_name : undefined;
}

/**
 * True for errors of the way to the database or of its state, after which a repeat may succeed: lost connections,
 * shutdown, too many connections, deadlock, timeouts. Source: PostgreSQL manual, appendix A; postgres.js's error codes.
 */
export function isIoError(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return /^(08|40|53|55|57)/.test(error.code);
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^(CONNECT|CONNECTION_|E[A-Z]+$)/.test(code);
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} is beyond 2^53`);
  return value;
}
