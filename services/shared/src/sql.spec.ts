import assert from "node:assert/strict";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { createSql, isContentError, isIoError } from "./sql.ts";
import { schemaNames } from "#stack/schemas";

describe("sql", () => {
  let database: TestDatabase;
  before(async () => (database = await createTestDatabase()));
  after(() => database.drop());

  it("reads int8 as a number and refuses one beyond 2^53", async () => {
    const [row] = await database.sql<{ n: number }[]>`select 9007199254740991::int8 as n`;
    assert.equal(row!.n, Number.MAX_SAFE_INTEGER);
    await assert.rejects(database.sql`select 9007199254740993::int8`, /beyond 2\^53/);
  });

  it("tells errors of content from errors of the connection", async () => {
    const thrown = async (query: Promise<unknown>) =>
      await query.then(
        () => assert.fail(),
        (error: unknown) => error,
      );
    const content = await thrown(database.sql`select 1 / 0`);
    assert.ok(isContentError(content) && !isIoError(content));
    const other = createSql({ url: database.url, poolMax: 1, applicationName: "victim" });
    const [self] = await other<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const sleeping = thrown(other`select pg_sleep(30)`);
    await database.sql`select pg_terminate_backend(${self!.pid})`;
    const lost = await sleeping;
    assert.ok(isIoError(lost) && !isContentError(lost));
    await other.end({ timeout: 1 });
    const nowhere = createSql({ url: "postgres://x:y@127.0.0.1:1/none", poolMax: 1, applicationName: "test" });
    assert.ok(isIoError(await thrown(nowhere`select 1`)));
  });

  it("ends a statement that runs too long", async () => {
    const hasty = createSql({ url: database.url, poolMax: 1, applicationName: "test", statementTimeoutMs: 50 });
    await assert.rejects(hasty`select pg_sleep(30)`, /statement timeout/);
    await hasty.end();
  });

  for (const schema of schemaNames) {
    it(`gives the role of ${schema} no way into the other schemas`, async () => {
      const sql = createSql({ url: database.urlOf(schema), poolMax: 1, applicationName: "test" });
      try {
        assert.equal((await sql`select version from ${sql(schema)}.migration`).length > 0, true);
        for (const other of schemaNames.filter((name) => name !== schema)) {
          await assert.rejects(sql`select version from ${sql(other)}.migration`, /permission denied for schema/);
        }
      } finally {
        await sql.end();
      }
    });
  }
});
