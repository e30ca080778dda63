import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { v7 as uuidv7 } from "uuid";
import { freePort } from "#stack/ports";
import { findRedisServer, startRedis } from "#stack/redis";
import { testSetting } from "../../../test/support/database.ts";
import { startProxy } from "../../../test/support/proxy.ts";
import {
  cancel,
  createWorld,
  eventually,
  newIds,
  pay,
  reserve,
  stateNow,
  within,
  type Ids,
  type World,
} from "../test/world.ts";

describe("outbox relay", () => {
  let world: World;
  let redis: Redis;
  before(async () => {
    world = await createWorld();
    redis = new Redis(testSetting("TEST_REDIS_URL"));
  });
  after(async () => {
    redis.disconnect();
    await world.end();
  });

  it("publishes each step of a booking's life, with its facts, and empties the outbox", async () => {
    const [first, second] = [await world.startReplica(), await world.startReplica()];
    const [paid, given, lapsed] = [await reserve(first), await reserve(second), await reserve(first)];
    await pay(first, paid);
    const part = { case: "amount" as const, value: { currencyCode: "EUR", amountMinor: 1n } };
    const refund = { refundId: uuidv7(), reason: "sorry", requestedBy: "organiser", part };
    await first.client.refundReservation({ ...paid, ...refund }, within);
    await cancel(second, paid);
    await cancel(first, given);
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp()
      where reservation_id = ${lapsed.reservationId}`;
    await eventually(
      () => entriesOf(redis, lapsed),
      (entries) => entries.length >= 2,
    );
    await eventually(
      () => rowsWaiting(),
      (rows) => rows === 0,
    );
    const types = async (ids: Ids) => new Set((await entriesOf(redis, ids)).map(({ type }) => type));
    assert.deepEqual(
      await types(paid),
      new Set(["held", "confirmed", "partly_refunded", "refunded"].map((type) => `reservation.${type}`)),
    );
    assert.deepEqual(await types(given), new Set(["reservation.held", "reservation.cancelled"]));
    assert.deepEqual(await types(lapsed), new Set(["reservation.held", "reservation.expired"]));
    const { data } = (await entriesOf(redis, paid))[0]!;
    assert.equal(data["event_id"], paid.eventId);
    assert.equal(data["customer_id"], "customer-1");
    assert.equal(data["seats"], "A:1,2");
    assert.equal(data["quantity"], 2);
    assert.ok(!Number.isNaN(Date.parse(data["occur_time"] as string)));
    await Promise.all([first.stop(), second.stop()]);
  });

  it("names the refund in what it tells of one, so that two parts of a booking can be told apart", async () => {
    const replica = await world.startReplica();
    const paid = await reserve(replica);
    await pay(replica, paid);
    const refundIds = [uuidv7(), uuidv7(), uuidv7()];
    const amount = { case: "amount" as const, value: { currencyCode: "EUR", amountMinor: 1n } };
    for (const [index, refundId] of refundIds.entries()) {
      const part = index < 2 ? { part: amount } : {};
      await replica.client.refundReservation(
        { ...paid, refundId, reason: "sorry", requestedBy: "organiser", ...part },
        within,
      );
    }
    const entries = await eventually(
      () => entriesOf(redis, paid),
      (found) => found.length >= 5,
    );
    const refundIdsOf = (type: string) =>
      entries.filter((entry) => entry.type === type).map(({ data }) => data["refund_id"]);
    assert.deepEqual(refundIdsOf("reservation.partly_refunded").toSorted(), refundIds.slice(0, 2).toSorted());
    assert.deepEqual(refundIdsOf("reservation.refunded"), refundIds.slice(2));
    assert.deepEqual(refundIdsOf("reservation.confirmed"), [undefined]);
    await replica.stop();
  });

  it("serves requests while Redis is gone, and publishes what waited once it is there", async () => {
    const port = await freePort();
    const replica = await world.startReplica({ REDIS_URL: `redis://127.0.0.1:${port}` });
    const ids = await reserve(replica);
    assert.equal((await fetch(`http://127.0.0.1:${replica.adminPort}/ready`)).status, 200);
    assert.equal(await rowsWaiting(), 1);
    assert.match(await metricsOf(replica.adminPort), /boxoffice_outbox_rows 1/);
    const late = await startRedis({ binary: await findRedisServer(() => {}), port });
    const lateRedis = new Redis(late.url);
    try {
      await eventually(
        () => entriesOf(lateRedis, ids),
        (entries) => entries.length > 0,
      );
      await eventually(
        () => rowsWaiting(),
        (rows) => rows === 0,
      );
      assert.equal((await entriesOf(lateRedis, ids)).length, 1);
    } finally {
      lateRedis.disconnect();
      await replica.stop();
      await late.stop();
    }
  });

  it("publishes again after its connection to Redis has gone silent", async () => {
    const proxy = await startProxy();
    proxy.pointTo(Number(new URL(testSetting("TEST_REDIS_URL")).port));
    const replica = await world.startReplica({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
    const published = async (ids: Ids) =>
      void (await eventually(
        () => entriesOf(redis, ids),
        (entries) => entries.length > 0,
      ));
    try {
      await published(await reserve(replica));
      proxy.silence("down");
      proxy.heal();
      await published(await reserve(replica));
      await eventually(
        () => rowsWaiting(),
        (rows) => rows === 0,
      );
    } finally {
      await replica.stop();
      await proxy.close();
    }
  });

  it("gives rows back that Redis refused, and publishes them once it takes them", async () => {
    await redis.set(world.stream, "not a stream");
    const replica = await world.startReplica();
    const ids = await reserve(replica, newIds());
    // Each claim and each return writes the row anew.
    const versions = new Set<string>();
    await eventually(
      async () =>
        versions.add((await world.database.sql`select xmin::text as version from reservation.outbox`)[0]!["version"]),
      ({ size }) => size >= 3,
    );
    assert.equal(await stateNow(replica, ids), "HELD");
    assert.equal(await rowsWaiting(), 1);
    await redis.del(world.stream);
    await eventually(
      () => entriesOf(redis, ids),
      (entries) => entries.length > 0,
    );
    await eventually(
      () => rowsWaiting(),
      (rows) => rows === 0,
    );
    await replica.stop();
  });

  async function rowsWaiting(): Promise<number> {
    const [row] = await world.database.sql<{ count: number }[]>`select count(*)::int as count from reservation.outbox`;
    return row!.count;
  }

  async function entriesOf(from: Redis, { reservationId }: Ids) {
    const entries = await from.xrange(world.stream, "-", "+");
    return entries
      .map(([, fields]) => ({ type: fields[1]!, data: JSON.parse(fields[3]!) as Record<string, unknown> }))
      .filter(({ data }) => data["reservation_id"] === reservationId);
  }
});

async function metricsOf(adminPort: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
}
