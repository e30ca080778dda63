// Background work looks at its rows every second or oftener, however many wait for a later time: it must read only the due.

import assert from "node:assert/strict";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { Phase } from "../domain/booking.ts";
import { claimUnfinished, expireLapsed } from "./apply-moves.ts";
import { claimOutbox } from "./outbox.ts";
import { indexLookupSettings } from "#shared/planner-settings";

const rows = 5_000;

describe("a look at what is due", () => {
  let database: TestDatabase;
  let sql: Sql;
  before(async () => {
    database = await createTestDatabase();
    sql = createSql({
      url: database.urlOf("reservation"),
      poolMax: 1,
      applicationName: "test",
      settings: indexLookupSettings,
    });
  });
  after(async () => {
    await sql.end();
    await database.drop();
  });

  /** Returns how many entries of an index `look` read. */
  async function entriesRead(index: string, look: () => Promise<unknown>): Promise<number> {
    const count = async () => {
      await sql`select pg_stat_force_next_flush()`;
      const [row] = await sql<{ count: number }[]>`
        select idx_tup_read as count from pg_stat_user_indexes where indexrelname = ${index}`;
      return row!.count;
    };
    const before = await count();
    await look();
    return (await count()) - before;
  }

  const insert = (phase: Phase, { heldForS, dueInS }: { heldForS: number; dueInS: number | null }, count = rows) => sql`
    insert into reservation.reservation (event_id, reservation_id, customer_id, area_id, quantity, seats,
      unit_price_minor, currency, phase, hold_expires_at, next_attempt_at)
    select gen_random_uuid(), gen_random_uuid(), 'customer', 'stalls', 1, 'A:1', 100, 'EUR', ${phase},
      now() + ${heldForS} * interval '1 second', now() + ${dueInS}::int * interval '1 second'
    from generate_series(1, ${count})`;

  it("passes over holds that have time left", async () => {
    await insert(Phase.held, { heldForS: 600, dueInS: null });
    await insert(Phase.held, { heldForS: -1, dueInS: null }, 3);
    const read = await entriesRead("reservation_lapsing", async () =>
      assert.equal(await expireLapsed(sql, { limit: 500 }), 3),
    );
    assert.ok(read <= 3, `${read} entries read`);
  });

  it("passes over bookings that somebody works on", async () => {
    await insert(Phase.releasing, { heldForS: 600, dueInS: 10 });
    await insert(Phase.releasing, { heldForS: 600, dueInS: -1 }, 3);
    const read = await entriesRead("reservation_unfinished", async () =>
      assert.equal((await claimUnfinished(sql, { limit: 100, leaseMs: 10_000 })).length, 3),
    );
    assert.ok(read <= 3, `${read} entries read`);
  });

  it("takes a few of many messages that wait without reading them all", async () => {
    await sql`
      insert into reservation.outbox (event_id, messages)
      select gen_random_uuid(), '[]' from generate_series(1, ${rows})`;
    const read = await entriesRead("outbox_claimable", async () =>
      assert.equal((await claimOutbox(sql, { limit: 20, leaseMs: 10_000 })).length, 20),
    );
    assert.ok(read <= 100, `${read} entries read`);
  });
});
