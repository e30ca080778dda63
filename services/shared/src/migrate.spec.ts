import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestDatabase, rolePassword, type TestDatabase } from "../../../test/support/database.ts";
import { isMigrated, migrate } from "./migrate.ts";
import { createSql } from "./sql.ts";

describe("migrate", () => {
  let database: TestDatabase;
  let dir: string;
  const options = () => ({ schema: "sample", role: "boxoffice_inventory", dir, password: rolePassword });

  before(async () => {
    database = await createTestDatabase();
    dir = await mkdtemp(join(tmpdir(), "migrate-"));
    await writeFile(
      join(dir, "0001_create_thing.sql"),
      "create table sample.thing (id int); grant select on sample.thing to boxoffice_inventory;",
    );
  });
  after(async () => {
    await database.drop();
    await rm(dir, { recursive: true });
  });

  it("applies what is missing, once, even when several processes start together", async () => {
    const applied = await Promise.all([migrate(database.sql, options()), migrate(database.sql, options())]);
    assert.deepEqual(applied.flat(), ["0001_create_thing.sql"]);
    assert.equal(await isMigrated(database.sql, options()), true);
  });

  it("lets the service's role use what was granted and nothing else", async () => {
    const sql = createSql({ url: database.urlOf("inventory"), poolMax: 1, applicationName: "test" });
    try {
      assert.deepEqual([...(await sql`select id from sample.thing`)], []);
      await assert.rejects(sql`insert into sample.thing values (1)`, /permission denied/);
      await assert.rejects(sql`create table sample.other (id int)`, /permission denied/);
    } finally {
      await sql.end();
    }
  });

  it("tells a database that is behind, and catches up", async () => {
    await writeFile(join(dir, "0002_add_name.sql"), "alter table sample.thing add name text;");
    assert.equal(await isMigrated(database.sql, options()), false);
    assert.deepEqual(await migrate(database.sql, options()), ["0002_add_name.sql"]);
    assert.equal(await isMigrated(database.sql, options()), true);
  });

  it("leaves nothing of a migration that fails", async () => {
    await writeFile(join(dir, "0003_break.sql"), "alter table sample.thing add half int; select 1 / 0;");
    await assert.rejects(migrate(database.sql, options()), /division by zero/);
    await assert.rejects(database.sql`select half from sample.thing`, /does not exist/);
    await rm(join(dir, "0003_break.sql"));
  });

  it("refuses a file that was changed after it was applied", async () => {
    await writeFile(join(dir, "0002_add_name.sql"), "alter table sample.thing add nickname text;");
    await assert.rejects(migrate(database.sql, options()), /0002_add_name\.sql was changed/);
  });

  it("refuses a gap in the numbers", async () => {
    await writeFile(join(dir, "0009_gap.sql"), "select 1;");
    await assert.rejects(migrate(database.sql, options()), /without gaps/);
  });
});
