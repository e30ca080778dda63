// `make migrate`, as whoever runs a database of their own calls it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createSql } from "#shared/sql";
import { createTestDatabase, rolePassword, type TestDatabase } from "./support/database.ts";

describe("the command that migrates", function () {
  this.timeout(60_000);
  let database: TestDatabase;
  before(async () => (database = await createTestDatabase()));
  after(() => database.drop());

  const migrate = (password: string) => {
    const env = { PATH: process.env["PATH"], DATABASE_URL: database.url, ROLE_PASSWORD: password };
    return promisify(execFile)(process.execPath, ["--import=tsx", "stack/migrate.ts"], { env });
  };

  it("says whom it gives the password, and where that holds", async () => {
    const { stdout } = await migrate(rolePassword);
    const roles = "boxoffice_inventory, boxoffice_reservation, and boxoffice_payment";
    const given = `giving ${roles} the password of ROLE_PASSWORD, in all databases of this server`;
    assert.deepEqual(stdout.trim().split("\n"), [given, "the database is up to date"]);
  });

  it("refuses a short password, does not show it, and leaves the roles theirs", async () => {
    await assert.rejects(migrate("fifteen-letters"), ({ code, stdout, stderr }) => {
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^make migrate: wrong settings:\n {2}ROLE_PASSWORD: must have at least 16 characters/);
      assert.doesNotMatch(stderr, /fifteen/);
      return true;
    });
    const service = createSql({ url: database.urlOf("payment"), poolMax: 1, applicationName: "test" });
    assert.equal((await service`select 1 as one`)[0]!["one"], 1);
    await service.end();
  });
});
