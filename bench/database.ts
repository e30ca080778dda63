// What a measurement does with the database before it begins.

import type { Sql } from "#shared/sql";

/** Empties every table. The services keep running: what they remember is of events that never come back. */
export async function resetDatabase(sql: Sql): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('inventory', 'reservation', 'payment') and tablename <> 'migration'`;
  await sql.begin(async (transaction) => {
    // The ledger's triggers refuse every change but new entries.
    await transaction`set local session_replication_role = replica`;
    await transaction.unsafe(`truncate ${tables.map(({ name }) => name).join(", ")}`);
  });
}

/** Gives the planner fresh statistics and writes dirty pages out, so that neither happens while something is measured. */
export async function settleDatabase(sql: Sql): Promise<void> {
  await sql.unsafe("analyze");
  await sql.unsafe("checkpoint");
}
