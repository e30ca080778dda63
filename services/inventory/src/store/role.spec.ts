import assert from "node:assert/strict";
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
    await assert.rejects(sql`update inventory.hold set seats = '{}'`, insufficientPrivilege);
    await assert.rejects(sql`delete from inventory.hold`, insufficientPrivilege);
  });
});
