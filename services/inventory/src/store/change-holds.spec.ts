import assert from "node:assert/strict";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { confirmHold } from "../domain/hold.ts";
import { hold, holdCommand, publishEvent, startInventory, type RunningInventory } from "../testing/fixture.ts";
import { createAreaCatalog, type AreaCatalog } from "./area-catalog.ts";
import { changeHolds } from "./change-holds.ts";
import { batchPlannerSettings } from "./planner-settings.ts";

describe("changing holds", () => {
  let database: TestDatabase;
  let inventory: RunningInventory;
  let sql: Sql;
  let catalog: AreaCatalog;

  before(async () => {
    database = await createTestDatabase();
    const url = database.urlOf("inventory");
    inventory = await startInventory(url);
    sql = createSql({ url, poolMax: 2, applicationName: "test", settings: batchPlannerSettings });
    catalog = createAreaCatalog(sql, { areasMax: 10 });
  });
  after(async () => {
    await sql.end({ timeout: 1 });
    await inventory.stop();
    await database.drop();
  });

  it("does not know a hold that was made after it chose what to lock: nobody's lock covers that customer", async () => {
    const eventId = await publishEvent(inventory, { customerLimit: 1 });
    const [known, late] = [holdCommand(eventId), holdCommand(eventId)];
    await hold(inventory, known);
    const slow: AreaCatalog = {
      async load(refs) {
        await hold(inventory, late);
        return await catalog.load(refs);
      },
    };
    const answers = await changeHolds([known, late], {
      sql,
      catalog: slow,
      prolongs: true,
      decide: (current, _, { now }) => confirmHold(current, now),
    });
    assert.deepEqual(
      answers.map(({ outcome }) => outcome.kind),
      ["hold", "notFound"],
    );
  });
});
