import assert from "node:assert/strict";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { createSql, isIoError, type Sql, type Transaction } from "./sql.ts";
import { transact } from "./transaction.ts";

describe("transact", () => {
  let database: TestDatabase;
  let sql: Sql;

  before(async () => {
    database = await createTestDatabase();
    await database.sql`create table public.note (text text)`;
  });
  after(() => database.drop());
  beforeEach(() => {
    sql = createSql({ url: database.url, poolMax: 1, applicationName: "transact" });
  });
  afterEach(async () => {
    await sql.end({ timeout: 1 });
    await database.sql`truncate public.note`;
  });

  it("commits what its body did and returns its value", async () => {
    assert.equal(await transact(sql, async (tx) => (await tx`insert into public.note values ('kept')`).count), 1);
    assert.deepEqual(await notes(), ["kept"]);
  });

  it("rolls back when its body throws, and throws the same", async () => {
    const failure = new Error("no");
    const failing = transact(sql, async (tx) => {
      await tx`insert into public.note values ('lost')`;
      throw failure;
    });
    await assert.rejects(failing, failure);
    assert.deepEqual(await notes(), []);
  });

  it("takes a mode", async () => {
    await assert.rejects(
      transact(sql, (tx) => tx`insert into public.note values ('lost')`, "read only"),
      { code: "25006" },
    );
  });

  it("throws an I/O error when its connection is cut in a statement, and the pool goes on", async () => {
    const cut = transact(sql, async (tx) => {
      const pid = await pidOf(tx);
      const sleeping = tx`select pg_sleep(60)`.execute();
      await database.sql`select pg_terminate_backend(${pid})`;
      await sleeping;
    });
    await assert.rejects(cut, isIoError);
    await assertPoolWorks();
  });

  it("starts nothing more when its connection is cut between two statements, and the pool goes on", async () => {
    const cut = transact(sql, async (tx) => {
      await database.sql`select pg_terminate_backend(${await pidOf(tx)})`;
      await goneFrom(await pidsOf());
      await tx`insert into public.note values ('lost')`;
    });
    await assert.rejects(cut, isIoError);
    await assertPoolWorks();
    assert.deepEqual(await notes(), ["kept"]);
  });

  async function assertPoolWorks(): Promise<void> {
    // The first use of the connection after the cut may still be told of the cut.
    await sql`select 1`.catch((error: unknown) => assert.ok(isIoError(error)));
    await transact(sql, (tx) => tx`insert into public.note values ('kept')`);
    for (let number = 0; number < 20; number += 1) {
      const [row] = await transact(sql, (tx) => tx<{ number: number }[]>`select ${number}::int as number`);
      assert.equal(row!.number, number);
    }
    assert.deepEqual(await notes(), ["kept"]);
  }

  async function pidOf(tx: Transaction): Promise<number> {
    const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    return row!.pid;
  }

  async function pidsOf(): Promise<number[]> {
    const rows = await database.sql<{ pid: number }[]>`
      select pid from pg_stat_activity where datname = current_database() and application_name = 'transact'`;
    return rows.map(({ pid }) => pid);
  }

  // Waits until none of the backends is left, and this process has had a turn to notice.
  async function goneFrom(pids: number[]): Promise<void> {
    while ((await pidsOf()).some((pid) => pids.includes(pid))) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  async function notes(): Promise<string[]> {
    return (await database.sql<{ text: string }[]>`select text from public.note`).map(({ text }) => text);
  }
});
