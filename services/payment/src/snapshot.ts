// Reading much at once: reports and checks, which look at whole tables.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";

/** Returns what `read` returns; all of its statements see one snapshot. Throws what a statement throws. */
export function readSnapshot<T>(reports: Sql, read: (tx: Transaction) => Promise<T>): Promise<T> {
  return transact(reports, read, "isolation level repeatable read read only");
}
