import assert from "node:assert/strict";
import { ConfigError } from "#shared/config";
import { createSql } from "#shared/sql";
import { freePort } from "#stack/ports";
import { down, gateAt } from "../test/hooks.ts";
import {
  createWorld,
  eventually,
  holdOf,
  newIds,
  outcomeOf,
  pay,
  reserve,
  stateNow,
  within,
  type World,
} from "../test/world.ts";
import { readReservationConfig } from "./config.ts";
import { Phase } from "./domain/booking.ts";

describe("the reservation service", () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  beforeEach(() => {
    world.inventory.hooks.reset();
    world.payment.hooks.reset();
  });
  after(() => world.end());

  const ready = async (adminPort: number) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/ready`);
    return { status: response.status, text: (await response.text()).trim() };
  };

  it("names every setting that is missing", () => {
    assert.throws(
      () => readReservationConfig({}),
      (error) =>
        error instanceof ConfigError &&
        ["DATABASE_URL", "INVENTORY_TARGET", "PAYMENT_TARGET", "REDIS_URL", "PORT", "TICKET_SECRET"].every((name) =>
          error.message.includes(name),
        ),
    );
  });

  it("is ready although inventory, payment and Redis are down", async () => {
    const nowhere = `127.0.0.1:${await freePort()}`;
    const settings = { INVENTORY_TARGET: nowhere, PAYMENT_TARGET: nowhere, REDIS_URL: `redis://${nowhere}` };
    const replica = await world.startReplica(settings);
    assert.deepEqual(await ready(replica.adminPort), { status: 200, text: "ready" });
    await assert.rejects(replica.client.createReservations({ commands: [holdOf(newIds())] }, within), /not known/);
    assert.equal(await stateNow(replica, newIds()), "NOT_FOUND");
    await replica.stop();
  });

  it("is not ready on a database that lacks its migrations", async () => {
    const replica = await world.startReplica();
    await world.database.sql`update reservation.migration set version = version - 1000`;
    assert.deepEqual(await ready(replica.adminPort), { status: 503, text: "the database has not been migrated" });
    await world.database.sql`update reservation.migration set version = version + 1000`;
    assert.equal((await ready(replica.adminPort)).status, 200);
    await replica.stop();
  });

  it("can't read the schemas of other services, nor delete bookings, tickets or admissions", async () => {
    const sql = createSql({ url: world.database.urlOf("reservation"), poolMax: 1, applicationName: "test" });
    await assert.rejects(sql`select * from inventory.migration`, /permission denied/);
    await assert.rejects(sql`select * from payment.migration`, /permission denied/);
    await assert.rejects(sql`delete from reservation.reservation`, /permission denied/);
    await assert.rejects(sql`delete from reservation.checkout`, /permission denied/);
    await assert.rejects(sql`delete from reservation.ticket`, /permission denied/);
    await assert.rejects(sql`delete from reservation.admission`, /permission denied/);
    await assert.rejects(sql`update reservation.admission set gate = ''`, /permission denied/);
    await assert.rejects(sql`update reservation.ticket_key set public_key = public_key`, /permission denied/);
    await sql.end();
  });

  it("lets a payment that runs finish when it is stopped", async () => {
    const replica = await world.startReplica();
    const ids = await reserve(replica);
    const gate = gateAt("capture");
    world.payment.hooks.before = gate.hook;
    const paying = pay(replica, ids);
    await gate.reached;
    const stopped = replica.stop();
    gate.open();
    assert.equal(outcomeOf((await paying).outcome), "CONFIRMED");
    await stopped;
  });

  it("leaves what it can't finish to another replica when it is stopped", async () => {
    const replica = await world.startReplica({ SAGA_LEASE_MS: "500", RECONCILER_INTERVAL_MS: "60000" });
    const ids = await reserve(replica);
    world.payment.hooks.before = down;
    const answer = await pay(replica, ids, { timeoutMs: 600 });
    assert.equal(outcomeOf(answer.outcome), "IN_PROGRESS");
    await replica.stop();
    world.payment.hooks.reset();
    const heir = await world.startReplica();
    await eventually(
      () => stateNow(heir, ids),
      (state) => state === "CONFIRMED",
    );
    await heir.stop();
  });

  it("sweeps lapsed holds by the hundred, each once, with two replicas at once", async () => {
    const slow = await world.startReplica({ SWEEPER_INTERVAL_MS: "60000" });
    const { eventId } = newIds();
    for (let round = 0; round < 3; round += 1) {
      const commands = Array.from({ length: 400 }, () => holdOf(newIds(eventId)));
      await slow.client.createReservations({ commands }, within);
    }
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp() where event_id = ${eventId}`;
    const sweepers = [await world.startReplica(), await world.startReplica()];
    await eventually(
      () => world.database.sql`
        select 1 from reservation.reservation where event_id = ${eventId} and phase <> ${Phase.expired}`,
      (left) => left.length === 0,
    );
    await Promise.all([slow, ...sweepers].map((each) => each.stop()));
  });

  it("shows its queues and sagas as metrics", async () => {
    const replica = await world.startReplica();
    await pay(replica, await reserve(replica));
    const text = await (await fetch(`http://127.0.0.1:${replica.adminPort}/metrics`)).text();
    for (const line of [
      /boxoffice_batch_queue_items\{batcher="create"\} 0/,
      /boxoffice_saga_steps_total\{phase="capturing",result="captured"\} 1/,
      /boxoffice_sagas_running 0/,
      /boxoffice_outbox_rows \d+/,
    ]) {
      assert.match(text, line);
    }
    await replica.stop();
  });
});
