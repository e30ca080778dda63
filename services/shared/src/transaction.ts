// Transactions that survive the loss of their connection. In postgres.js up to 3.4.9 `sql.begin` answers a lost connection
// with a rollback on the socket that is gone, which throws where nobody can catch it and ends the process; and a
// transaction whose connection was cut between two statements goes on in whatever uses that connection next.
// Source: github.com/porsager/postgres issues 1154, 1208, 1216.

import postgres from "postgres";
import { isIoError, type Sql, type Transaction } from "./sql.ts";

/**
 * Runs `body` in a transaction and returns what it returns, committed. Throws what `body` throws, rolled back, or what ended
 * the connection; after the latter the outcome is unknown. `mode` is what stands behind `begin`, e.g. `read only`.
 */
export async function transact<T>(sql: Sql, body: (tx: Transaction) => Promise<T>, mode = ""): Promise<T> {
  let lost: unknown;
  let tellLost = (_: unknown): void => {};
  const whenLost = new Promise<never>((_, reject) => {
    tellLost = (error) => {
      lost = error;
      reject(error);
    };
  });
  const ended = sql.begin(mode, async (tx) => {
    try {
      return await body(guard(tx, () => lost));
    } catch (error) {
      if (!isLostConnection(error)) throw error;
      tellLost(error);
      // Never settles, so that the driver does not roll back: the server has done so already.
      return await new Promise<never>(() => {});
    }
  }) as Promise<T>;
  ended.catch(tellLost);
  return await Promise.race([whenLost, ended]);
}

// Starts no statement once the connection is lost.
function guard(tx: Transaction, lostBy: () => unknown): Transaction {
  return new Proxy(tx, {
    apply(target, self, args) {
      const lost = lostBy();
      if (lost !== undefined) throw lost;
      return Reflect.apply(target, self, args) as unknown;
    },
  });
}

function isLostConnection(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return error.severity === "FATAL" || error.severity === "PANIC";
  return isIoError(error);
}
