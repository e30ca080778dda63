import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestDatabase, rolePassword, type TestDatabase } from "../../../test/support/database.ts";
import { isMigrated, migrate } from "./migrate.ts";
import { createSql } from "./sql.ts";

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe("migrate", () => {
  let database: TestDatabase;
  let dir: string;
  const options = () => ({ schema: "sample", role: "boxoffice_inventory", dir, password: rolePassword });

  const versionNow = async () => {
    const [row] = await database.sql<{ version: number }[]>`select max(version) as version from sample.migration`;
    return row!.version;
  };
  /** A transaction that has read the table and goes on. */
  const openReader = async () => {
    const sql = createSql({ url: database.url, poolMax: 1, applicationName: "test" });
    const reader = await sql.reserve();
    await reader`begin`;
    await reader`select id from sample.thing`;
    return {
      close: async () => {
        await reader`commit`;
        reader.release();
        await sql.end();
      },
    };
  };

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

  it("keeps each migration that is done, though a later one of the same start fails", async () => {
    await writeFile(join(dir, "0003_add_size.sql"), "alter table sample.thing add size int;");
    await writeFile(join(dir, "0004_break.sql"), "select 1 / 0;");
    await assert.rejects(migrate(database.sql, options()), /division by zero/);
    assert.equal(await versionNow(), 3);
    await rm(join(dir, "0004_break.sql"));
    assert.deepEqual(await migrate(database.sql, options()), []);
  });

  it("lets others at a table that it waits for, says so, and goes on when the table is free", async () => {
    await writeFile(join(dir, "0004_add_weight.sql"), "alter table sample.thing add weight int;");
    const told: string[] = [];
    const reader = await openReader();
    const patience = { lockTimeoutMs: 100, lockPauseMs: 10, lockTriesMax: 1_000 };
    const migrating = migrate(database.sql, { ...options(), ...patience, tell: (line) => told.push(line) });
    await until(() => told.length > 2);
    // Queued behind a migration that waits for good, this would wait as long as the reader reads.
    await database.sql`select id from sample.thing`;
    await reader.close();
    assert.deepEqual(await migrating, ["0004_add_weight.sql"]);
    assert.match(
      told[0]!,
      /^sample: 0004_add_weight\.sql waited 100 ms for a lock that somebody holds; try 2 of 1000 /,
    );
  });

  it("gives up after some tries at a table that is never free, and has changed nothing", async () => {
    await writeFile(join(dir, "0005_add_colour.sql"), "alter table sample.thing add colour text;");
    const reader = await openReader();
    const patience = { lockTimeoutMs: 20, lockPauseMs: 1, lockTriesMax: 3 };
    await assert.rejects(
      migrate(database.sql, { ...options(), ...patience }),
      /0005_add_colour\.sql got no lock in 3 tries/,
    );
    await reader.close();
    assert.equal(await versionNow(), 4);
    await rm(join(dir, "0005_add_colour.sql"));
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
