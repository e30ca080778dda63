import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/database.ts";

const insufficientPrivilege = { code: "42501" };

describe("the role boxoffice_inventory", () => {
  let database: TestDatabase;
  let sql: Sql;

  before(async () => {
    database = await createTestDatabase();
    sql = createSql({ url: database.urlOf("inventory"), poolMax: 1, applicationName: "test" });
  });
  after(async () => {
    await sql.end({ timeout: 1 });
    await database.drop();
  });

  it("reads its own schema and no other service's", async () => {
    await sql`select 1 from inventory.event`;
    for (const schema of ["reservation", "payment"]) {
      await assert.rejects(sql.unsafe(`select 1 from ${schema}.migration`), insufficientPrivilege);
    }
  });

  it("can't change what is kept in memory: an area, or the terms of an event", async () => {
    await assert.rejects(sql`update inventory.area set price_minor = 0`, insufficientPrivilege);
    await assert.rejects(sql`update inventory.event set customer_limit = 0`, insufficientPrivilege);
    await sql`update inventory.event set state = 'published'`;
  });

  it("can't rewrite the past of a hold, or remove it", async () => {
    await assert.rejects(sql`update inventory.hold set customer_id = 'thief'`, insufficientPrivilege);
    await assert.rejects(sql`delete from inventory.hold`, insufficientPrivilege);
  });

  it("can't let a hold own other seats than before, or give up a part of one that is not confirmed", async () => {
    const holdId = randomUUID();
    await database.sql`
      insert into inventory.hold (event_id, hold_id, area_id, customer_id, quantity, seats, selection, created_at, expires_at)
      values (${holdId}, ${holdId}, 'stalls', 'customer', 2, '{1,2}', 'best:2', now(), now() + interval '1 hour')`;
    const own = (seats: string, quantity: number) => sql`
      update inventory.hold set seats = ${seats}::int[], quantity = ${quantity} where hold_id = ${holdId}`;
    await assert.rejects(own("{1}", 1), /owns no more/);
    await sql`update inventory.hold set state = 'confirmed' where hold_id = ${holdId}`;
    for (const seats of ["{1,2,3}", "{1,3}", "{3}"]) {
      await assert.rejects(own(seats, seats.split(",").length), /owns no more/);
    }
    await own("{1}", 1);
    await assert.rejects(own("{1,2}", 2), /owns no more/);
  });
});
