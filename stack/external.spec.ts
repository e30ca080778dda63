import assert from "node:assert/strict";
import { createTestDatabase, testSetting, type TestDatabase } from "../test/support/database.ts";
import { checkPostgres, checkRedis } from "./external.ts";
import { assertPortFree, freePort } from "./ports.ts";

describe("a server of the user's own", () => {
  let database: TestDatabase;
  before(async () => (database = await createTestDatabase()));
  after(() => database.drop());

  it("is used when it can be", async () => {
    assert.match(await checkPostgres(database.url), /^\d+/);
    assert.match(await checkRedis(testSetting("TEST_REDIS_URL")), /^\d+\./);
  });

  it("is refused when nobody answers there, without showing the password", async () => {
    const port = await freePort();
    await assert.rejects(checkPostgres(`postgres://me:hunter2@127.0.0.1:${port}/db`), (error: Error) => {
      assert.match(
        error.message,
        new RegExp(`^DATABASE_URL: can't use Postgres at 127.0.0.1:${port}/db: .*ECONNREFUSED`),
      );
      assert.ok(!error.message.includes("hunter2"));
      return true;
    });
    await assert.rejects(checkRedis(`redis://:hunter2@127.0.0.1:${port}`), (error: Error) => {
      assert.match(error.message, new RegExp(`^REDIS_URL: can't use Redis at 127.0.0.1:${port}`));
      assert.ok(!error.message.includes("hunter2"));
      return true;
    });
  });

  it("is refused when its user may not do what migrations do, naming the statement that helps", async () => {
    await assert.rejects(checkPostgres(database.urlOf("inventory")), /alter role boxoffice_inventory createrole/);
  });

  it("is refused when the password is wrong", async () => {
    const url = new URL(database.url);
    url.password = "wrong";
    await assert.rejects(checkPostgres(url.href), /DATABASE_URL: .*password authentication failed/);
  });
});

describe("a port", () => {
  it("is refused when it is taken, naming the remedy", async () => {
    const taken = Number(new URL(testSetting("TEST_REDIS_URL")).port);
    await assert.rejects(assertPortFree(taken), new RegExp(`port ${taken} is taken .*make up GATEWAY_PORT=`));
    await assertPortFree(await freePort());
  });
});
