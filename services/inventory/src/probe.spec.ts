import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { createAreaCatalog } from "./store/area-catalog.ts";
import { batchPlannerSettings } from "./store/planner-settings.ts";
import { sweepOnce } from "./sweeper.ts";
import { best, hold, holdCommand, publishEvent, startInventory, seatedLayout, type RunningInventory } from "./testing/fixture.ts";

const price = { currencyCode: "EUR", amountMinor: 100n };
describe("probe", () => {
  let database: TestDatabase;
  let inventory: RunningInventory;
  let sql: Sql;
  before(async () => {
    database = await createTestDatabase();
    inventory = await startInventory(database.urlOf("inventory"));
    sql = createSql({ url: database.urlOf("inventory"), poolMax: 4, applicationName: "t", settings: batchPlannerSettings });
  });
  after(async () => {
    await sql.end({ timeout: 1 });
    await database.drop();
  });
  it("sweep throughput", async function () {
    this.timeout(120_000);
    const areas = Array.from({ length: 100 }, (_, i) => ({ areaId: `a${i}`, name: "", price, layout: seatedLayout([400,400,400]) }));
    const eventId = await publishEvent(inventory, { areas, holdTtl: durationFromMs(3_600_000) });
    let t0 = Date.now();
    for (let k = 0; k < 100; k++) {
      const commands = Array.from({ length: 500 }, (_, i) => holdCommand(eventId, { areaId: `a${i % 100}`, ...best(2) }));
      await hold(inventory, ...commands);
    }
    console.log("held 50k in", Date.now() - t0);
    await inventory.stop();
    await database.sql`update inventory.hold set expires_at = clock_timestamp() - interval '1 second' where event_id = ${eventId} and state = 'held'`;
    const catalog = createAreaCatalog(sql, { areasMax: 1000 });
    const times = new Map<string, number>();
    const timed = (q: unknown, name: string) => { const t = performance.now(); (q as Promise<unknown>).then(() => times.set(name, (times.get(name) ?? 0) + performance.now() - t)); return q; };
    const wrap = (target: object) => new Proxy(target as never, { apply(f, self, args) { const q = Reflect.apply(f as never, self, args as never); return Array.isArray(args[0]) && 'raw' in (args[0] as object) ? timed(q, (args[0] as string[])[0]!.trim().slice(0, 60).replace(/\s+/g, " ")) : q; } });
    const traced = new Proxy(wrap(sql), { get: (f, p) => p === "begin" ? (mode: string, body: (tx: never) => Promise<unknown>) => sql.begin(mode, (tx) => body(wrap(tx))) : Reflect.get(sql, p) }) as Sql;
    t0 = Date.now();
    let n = 0, rounds = 0;
    for (;;) {
      const c = await sweepOnce(traced, catalog); n += c; rounds++;
      if (c < 500) break; }
    const ms = Date.now() - t0;
    console.log(times);
    console.log("swept", n, "in", ms, "per s", Math.round(n / ms * 1000), rounds);
  });
});
