// Reading much at once: reports and checks, which look at whole tables.

import { indexLookupSettings } from "#shared/planner-settings";
import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";

const timeoutMs = 60_000;

/**
 * Returns what `read` returns; all of its statements see one snapshot. The planner may do what it must not do elsewhere:
 * read whole tables. Throws what a statement throws, also one that takes longer than a minute.
 */
export function readSnapshot<T>(sql: Sql, read: (tx: Transaction) => Promise<T>): Promise<T> {
  return transact(
    sql,
    async (tx) => {
      await tx`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
      await tx`select set_config(name, 'on', true) from unnest(${Object.keys(indexLookupSettings)}::text[]) as s (name)`;
      return await read(tx);
    },
    "isolation level repeatable read read only",
  );
}
