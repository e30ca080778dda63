import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import postgres from "postgres";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { startProxy, type Proxy } from "../../../test/support/proxy.ts";
import { startTlsFront } from "../../../test/support/tls-front.ts";
import { createSql, isContentError, isIoError, type Sql, type SqlOptions, type Transaction } from "./sql.ts";
import { transact } from "./transaction.ts";
import { schemaNames } from "#stack/schemas";

const ways = ["in the clear", "through TLS"] as const;
type Way = (typeof ways)[number];

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

  for (const way of ways) {
    it(`gives no statement another's answer after a reset, also where the driver has not heard of the end yet, ${way}`, async () => {
      const { sql, proxy, stop } = await connectBy(way, database, {});
      const numberOf = (n: number) => sql<{ n: number }[]>`select ${n}::int as n`.then(([row]) => row!.n);
      try {
        for (let round = 1; round <= 5; round += 1) {
          await numberOf(0);
          const cut = sql`select pg_sleep(30)`.then(
            () => assert.fail(),
            // On the connection that was just lost.
            () => numberOf(1).catch((error: unknown) => (assert.ok(isIoError(error)), 1)),
          );
          await untilAsleep(database.sql);
          proxy.reset();
          assert.equal(await cut, 1);
          proxy.heal();
          assert.deepEqual(await Promise.all([numberOf(2), numberOf(3)]), [2, 3]);
        }
      } finally {
        await stop();
      }
    });

    it(`gives up a connection that has gone silent, and goes on with another, ${way}`, async () => {
      const { sql, proxy, stop } = await connectBy(way, database, { statementTimeoutMs: 500 });
      try {
        for (const direction of ["up", "down"] as const) {
          await sql`select 1`;
          proxy.silence(direction);
          const asked = sql`select 2`.then(
            () => assert.fail("an answer came through"),
            (error: unknown) => error,
          );
          proxy.heal();
          assert.ok(isIoError(await asked));
          assert.equal((await sql`select 3`).length, 1);
        }
      } finally {
        await stop();
      }
    });

    it(`gives up a connection that has gone silent although statements go on being asked, ${way}`, async () => {
      const { sql, proxy, stop } = await connectBy(way, database, { statementTimeoutMs: 500 });
      let goesOn = true;
      try {
        await sql`select 1`;
        proxy.silence("up");
        const asked = sql`select 2`.then(
          () => assert.fail("an answer came through"),
          (error: unknown) => error,
        );
        const others = (async () => {
          while (goesOn) {
            sql`select 3`.catch(() => {});
            await sleep(200);
          }
        })();
        assert.ok(isIoError(await asked));
        goesOn = false;
        proxy.heal();
        await others;
        assert.equal((await sql`select 4`).length, 1);
      } finally {
        goesOn = false;
        await stop();
      }
    });

    it(`carries what is larger than any buffer on its way, ${way}`, async () => {
      const { sql, stop } = await connectBy(way, database, {});
      const text = randomBytes(4_000_000).toString("hex");
      try {
        const rows = await sql<{ text: string }[]>`select ${text}::text as text from generate_series(1, 3)`;
        assert.deepEqual(
          rows.map((row) => row.text === text),
          [true, true, true],
        );
      } finally {
        await stop();
      }
    });

    it(`fails a statement, and connects once for it, where the server hangs up before it said anything, ${way}`, async () => {
      let connections = 0;
      const server = createServer((socket) => {
        connections += 1;
        socket.on("error", () => {}).end();
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const url = `postgres://x:y@127.0.0.1:${port}/none?sslmode=${way === "through TLS" ? "require" : "disable"}`;
      const sql = createSql({ url, poolMax: 1, applicationName: "test" });
      try {
        for (let tries = 1; tries <= 5; tries += 1) {
          await assert.rejects(sql`select 1`, isIoError);
          assert.equal(connections, tries);
        }
      } finally {
        await sql.end({ timeout: 0 });
        server.close();
      }
    });
  }

  it("goes on where a connection is lost while the driver asks for its types, which nobody waits for", async () => {
    const proxy = await startProxy();
    const url = new URL(database.url);
    proxy.pointTo(Number(url.port));
    url.port = String(proxy.port);
    proxy.watch((chunk) => {
      if (!chunk.includes("typarray")) return;
      proxy.watch(undefined);
      proxy.reset();
    });
    const script = `
      import { runProcess } from "#shared/process";
      import { createSql } from "#shared/sql";
      await runProcess("test", () => {}, async () => {
        const sql = createSql({ url: process.env.URL, poolMax: 1, applicationName: "types" });
        const lost = await sql\`select 1\`.catch(({ code }) => code);
        const [{ n }] = await sql\`select 2 as n\`;
        console.log(lost, n);
        process.exit(0);
      });`;
    const node = ["--import=tsx", "--input-type=module", "--eval", script];
    const { stdout } = await promisify(execFile)(process.execPath, node, { env: { ...process.env, URL: url.href } });
    assert.equal(stdout, "ECONNRESET 2\n");
    await proxy.close();
  });

  it("still ends a process for any other rejection that nobody waits for", async () => {
    const script = `
      import { runProcess } from "#shared/process";
      await runProcess("test", () => {}, async () => {
        void Promise.reject(new Error("a defect"));
        await new Promise((resolve) => setTimeout(resolve, 10_000));
      });`;
    const node = ["--import=tsx", "--input-type=module", "--eval", script];
    await assert.rejects(promisify(execFile)(process.execPath, node), { code: 1, stderr: /a defect/ });
  });

  it("takes a name that can't be resolved for now, and a server that ended the connection, for errors of the connection", () => {
    const unresolved = Object.assign(new Error("getaddrinfo EAI_AGAIN"), { code: "EAI_AGAIN" });
    const idle = Object.assign(new postgres.PostgresError("terminating connection"), {
      code: "25P03",
      severity: "FATAL",
    });
    assert.deepEqual([unresolved, idle].map(isIoError), [true, true]);
    assert.equal(isIoError(Object.assign(new Error("bug"), { code: "ERR_INVALID_ARG_TYPE" })), false);
  });

  it("asks a server that is down again within a second or so, however long it was down", async () => {
    const nowhere = createSql({ url: "postgres://x:y@127.0.0.1:1/none", poolMax: 1, applicationName: "test" });
    let longestMs = 0;
    for (let tries = 0; tries < 8; tries += 1) {
      const startedMs = Date.now();
      await assert.rejects(nowhere`select 1`, isIoError);
      longestMs = Math.max(longestMs, Date.now() - startedMs);
    }
    await nowhere.end({ timeout: 0 });
    assert.ok(longestMs < 2_000, `waited ${longestMs} ms`);
  });

  it("gives a statement its own rows after one that failed in the middle of its rows", async () => {
    const single = createSql({ url: database.url, poolMax: 1, applicationName: "test" });
    const failing = (sql: Sql | Transaction) => sql`select 1 / (4 - n) from generate_series(1, 9) as n`;
    const numbers = (sql: Sql | Transaction) => sql<{ n: number }[]>`select n from generate_series(1, 3) as n`;
    const inBody = transact(single, async (tx) => {
      const rows = await numbers(tx);
      await failing(tx);
      return rows;
    });
    await assert.rejects(inBody, isContentError);
    const [, rows] = await Promise.all([assert.rejects(failing(single), isContentError), numbers(single)]);
    assert.deepEqual([...rows], [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await single.end();
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

/** Returns a pool of one connection that leads through a proxy, and ends both. */
async function connectBy(
  way: Way,
  database: TestDatabase,
  options: Pick<SqlOptions, "statementTimeoutMs">,
): Promise<{ sql: Sql; proxy: Proxy; stop: () => Promise<void> }> {
  const url = new URL(database.url);
  const front = way === "through TLS" ? await startTlsFront(Number(url.port)) : undefined;
  const proxy = await startProxy();
  proxy.pointTo(front?.port ?? Number(url.port));
  url.port = String(proxy.port);
  if (front) url.searchParams.set("sslmode", "require");
  const sql = createSql({ url: url.href, poolMax: 1, applicationName: "reset", ...options });
  const stop = async () => {
    await sql.end({ timeout: 0 });
    await proxy.close();
    await front?.close();
  };
  return { sql, proxy, stop };
}

async function untilAsleep(sql: Sql): Promise<void> {
  for (;;) {
    const rows = await sql`
      select from pg_stat_activity where application_name = 'reset' and wait_event = 'PgSleep'`;
    if (rows.length > 0) return;
  }
}
