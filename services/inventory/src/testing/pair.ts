// Two replicas of inventory on a database of their own, and what its tables say.

import type { Sql } from "#shared/sql";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { startInventory, type RunningInventory } from "./fixture.ts";

/** Two replicas on one database. */
export type Pair = {
  /** The database, as its owner. */
  sql: Sql;
  /** Returns one of the two, taking turns. */
  replica(index: number): RunningInventory;
  /** Returns how many seats of an event have an owner. */
  claimsOf(eventId: string): Promise<number>;
  /** Returns how many of an event's holds stand in each state, swept or not. */
  stateCounts(eventId: string): Promise<Record<string, number>>;
  /** Stops both, and drops the database. */
  end(): Promise<void>;
};

/** Starts two replicas on a new database. */
export async function startPair(): Promise<Pair> {
  const database = await createTestDatabase();
  const { sql } = database;
  const url = database.urlOf("inventory");
  const replicas = [await startInventory(url), await startInventory(url)];
  return {
    sql,
    replica: (index) => replicas[index % 2]!,
    async claimsOf(eventId) {
      const [row] = await sql<{ count: number }[]>`
        select count(*) from inventory.seat_claim where event_id = ${eventId}`;
      return row!.count;
    },
    async stateCounts(eventId) {
      const rows = await sql<{ state: string; count: number }[]>`
        select state, count(*) from inventory.hold where event_id = ${eventId} group by state`;
      return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
    },
    async end() {
      await Promise.all(replicas.map((running) => running.stop()));
      await database.drop();
    },
  };
}
