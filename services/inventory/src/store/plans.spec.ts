import assert from "node:assert/strict";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { v7 as uuid } from "uuid";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { selectionWords, type Selection } from "../domain/selection.ts";
import { sweepOnce } from "../sweeper.ts";
import { best, hold, holdCommand, publishEvent, seatedLayout, startInventory } from "../testing/fixture.ts";
import { createAreaCatalog, type AreaCatalog } from "./area-catalog.ts";
import { holdSeats } from "./hold-seats.ts";
import { batchPlannerSettings } from "./planner-settings.ts";

const price = { currencyCode: "EUR", amountMinor: 100n };
const areaIds = Array.from({ length: 20 }, (_, index) => `a${index}`);

// What a statement reads is counted, not timed: the machine may be busy.
describe("a batch", () => {
  let database: TestDatabase;
  let sql: Sql;
  let catalog: AreaCatalog;
  let eventId: string;

  before(async () => {
    database = await createTestDatabase();
    const url = database.urlOf("inventory");
    const inventory = await startInventory(url);
    eventId = await publishEvent(inventory, {
      areas: areaIds.map((areaId) => ({ areaId, name: "", price, layout: seatedLayout([500]) })),
      holdTtl: durationFromMs(3_600_000),
    });
    for (let batch = 0; batch < 10; batch += 1) {
      const areaOf = (index: number) => areaIds[index % areaIds.length]!;
      await hold(
        inventory,
        ...Array.from({ length: 500 }, (_, index) => holdCommand(eventId, { areaId: areaOf(index), ...best(2) })),
      );
    }
    await inventory.stop();
    sql = createSql({ url, poolMax: 1, applicationName: "test", settings: batchPlannerSettings });
    catalog = createAreaCatalog(sql, { areasMax: 100 });
  });
  after(async () => {
    await sql.end({ timeout: 1 });
    await database.drop();
  });

  it("that finds its area short reads the lapsed holds of that area only, however many are alive", async () => {
    const selection: Selection = { kind: "best", quantity: 1, split: false };
    const command = () => ({
      eventId,
      areaId: "a0",
      holdId: uuid(),
      customerId: "late",
      selection,
      words: selectionWords(selection),
    });
    const areas = await catalog.load([command()]);
    const shortBatch = async () => assert.equal((await holdSeats(sql, [command()], areas))[0]!.kind, "soldOut");
    assert.ok((await entriesReadBy(shortBatch)) < 20);
    await database.sql`analyze`;
    assert.ok((await entriesReadBy(shortBatch)) < 20);
  });

  it("that frees seats reads the claims of those seats only", async () => {
    await database.sql`
      update inventory.hold set expires_at = clock_timestamp() - interval '1 second'
      where (event_id, hold_id) in (select event_id, hold_id from inventory.hold limit 100)`;
    const read = await entriesReadBy(async () => assert.equal((await sweepOnce(sql, catalog)).ended, 100));
    assert.ok(read < 2_000, `${read} index entries were read`);
  });

  // Index entries that this database's holds and claims were looked up by while `work` ran.
  async function entriesReadBy(work: () => Promise<void>): Promise<number> {
    const before = await entriesRead();
    await work();
    return (await entriesRead()) - before;
  }

  async function entriesRead(): Promise<number> {
    await sql`select pg_stat_force_next_flush()`;
    const [row] = await database.sql<{ entries: number }[]>`
      select sum(idx_tup_read) as entries from pg_stat_user_indexes where relname in ('hold', 'seat_claim')`;
    return Number(row!.entries);
  }
});
