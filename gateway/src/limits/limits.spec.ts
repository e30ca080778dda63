import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { freePort } from "#stack/ports";
import { findRedisServer, startRedis } from "#stack/redis";
import { testSetting } from "../../../test/support/database.ts";
import { startProxy } from "../../../test/support/proxy.ts";
import { post, startTestGateway, tokenFor, until, type TestGateway } from "../../test/harness.ts";
import { eventId, eventOf, held, wishJson } from "../../test/messages.ts";
import { createLimits } from "./limits.ts";

describe("limits", () => {
  it("count by a clock that nobody sets", async () => {
    const points = { address: 10, sessions_per_address: 0, session: 0, event: 0, operations: 0 };
    const away = { lease: async () => undefined };
    const limits = createLimits({ points, windowSeconds: 600, leasesOf: () => away });
    for (let count = 0; count < 10; count += 1) assert.equal(await limits.take("address", "a"), 0);
    const { now } = Date;
    try {
      for (const setByMs of [-3_600_000, 3_600_000]) {
        Date.now = () => now() + setByMs;
        const waitMs = await limits.take("address", "a");
        assert.ok(waitMs > 0 && waitMs <= 600_000, `${waitMs}`);
      }
    } finally {
      Date.now = now;
    }
  });
});

describe("limits at the edge", () => {
  const running: TestGateway[] = [];
  const start = async (settings: Record<string, string>, first?: TestGateway) => {
    const gateway = await startTestGateway({ LIMIT_WINDOW_SECONDS: "600", ...settings }, first?.fakes);
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
    gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => ({
      outcomes: commands.map(() => held()),
    });
    running.push(gateway);
    return gateway;
  };
  afterEach(async () => {
    for (const gateway of running.splice(0).reverse()) await gateway.stop();
  });

  const browse = (gateway: TestGateway, options: Parameters<typeof post>[3] = {}) =>
    post(gateway.url, "EventService/GetEvent", { eventId }, options);
  const passed = async (count: number, ask: () => Promise<{ status: number }>) => {
    let granted = 0;
    for (let index = 0; index < count; index++) if ((await ask()).status === 200) granted += 1;
    return granted;
  };
  // Tests share one Redis: each has addresses and customers of its own.
  const address = () => ({
    "x-forwarded-for": `fd${randomUUID().slice(0, 2)}:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`,
  });
  const behindProxy = { TRUSTED_PROXIES: "127.0.0.1" };

  it("refuse with the limit's name and the time to come back, never the key", async () => {
    const gateway = await start({ LIMIT_ADDRESS: "5", ...behindProxy });
    const headers = address();
    assert.equal(await passed(5, () => browse(gateway, { headers })), 5);
    const refused = await browse(gateway, { headers });
    assert.deepEqual([refused.status, refused.body.code], [429, "resource_exhausted"]);
    const seconds = Number(refused.headers.get("retry-after"));
    assert.ok(seconds > 0 && seconds <= 600, `${seconds}`);
    const info = refused.body.details[0].debug;
    assert.deepEqual([info.reason, info.metadata], ["RATE_LIMITED", { limit: "address" }]);
    assert.match(refused.body.details[1].debug.retryDelay, /^\d+(\.\d+)?s$/);
    assert.ok(!JSON.stringify(refused.body).includes(headers["x-forwarded-for"].slice(0, 9)));
    assert.equal((await browse(gateway, { headers: address() })).status, 200);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    assert.match(metrics, /boxoffice_edge_rate_limited_total\{limit="address"\} 1/);
  });

  it("count failed credentials too, so that tokens can't be guessed fast", async () => {
    const gateway = await start({ LIMIT_ADDRESS: "3", ...behindProxy });
    const headers = address();
    const statuses = [];
    for (let index = 0; index < 4; index++) statuses.push((await browse(gateway, { token: "guess", headers })).status);
    assert.deepEqual(statuses, [401, 401, 401, 429]);
  });

  it("count calls that can't be decoded too", async () => {
    const gateway = await start({ LIMIT_ADDRESS: "3", ...behindProxy });
    const headers = address();
    const ask = (body: string) => post(gateway.url, "EventService/GetEvent", body, { headers });
    const answers = [];
    for (const body of ["{", " ".repeat(100_000), "[]", "{"]) answers.push(await ask(body));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400, 413, 400, 429],
    );
    assert.ok(Number(answers.at(-1)!.headers.get("retry-after")) > 0);
    assert.equal((await browse(gateway, { headers })).status, 429);
  });

  it("count a customer's calls from wherever they come", async () => {
    const gateway = await start({ LIMIT_SESSION: "4", ...behindProxy });
    const token = tokenFor(`guest:${randomUUID()}`);
    assert.equal(await passed(8, () => browse(gateway, { token, headers: address() })), 4);
    const another = tokenFor(`guest:${randomUUID()}`);
    assert.equal(await passed(8, () => browse(gateway, { token: another })), 4);
    assert.equal(await passed(8, () => browse(gateway, { headers: address() })), 8);
  });

  it("count reservations of an event whoever makes them, and sessions opened from an address", async () => {
    const gateway = await start({ LIMIT_EVENT: "3", LIMIT_SESSIONS_PER_ADDRESS: "2", ...behindProxy });
    const crowded = randomUUID();
    const reserve = (event: string) =>
      post(
        gateway.url,
        "ReservationService/CreateReservation",
        { ...wishJson, eventId: event },
        { token: tokenFor(`guest:${randomUUID()}`) },
      );
    assert.equal(await passed(6, () => reserve(crowded)), 3);
    assert.equal(await passed(6, () => reserve(crowded.toUpperCase())), 0, "the same event, written otherwise");
    assert.equal((await reserve(randomUUID())).status, 200);
    const headers = address();
    assert.equal(await passed(4, () => post(gateway.url, "SessionService/CreateGuestSession", {}, { headers })), 2);
  });

  it("are off where they are 0", async () => {
    const gateway = await start({ LIMIT_ADDRESS: "0", LIMIT_SESSION: "0" });
    assert.equal(await passed(50, () => browse(gateway)), 50);
  });

  it("hold for two gateways together, but for one block each", async () => {
    const first = await start({ LIMIT_ADDRESS: "40", ...behindProxy });
    const second = await start({ LIMIT_ADDRESS: "40", ...behindProxy }, first);
    await ready(first, second);
    const headers = address();
    let turn = 0;
    const granted = await passed(120, () => browse(turn++ % 2 ? first : second, { headers }));
    assert.ok(granted >= 40 && granted <= 40 + 2 * 4, `${granted}`);
  });

  it("go on in memory when Redis is gone, and together again when it is back", async () => {
    const port = await freePort();
    const binary = await findRedisServer(() => {});
    let redis = await startRedis({ binary, port });
    const first = await start({ LIMIT_ADDRESS: "20", REDIS_URL: redis.url, ...behindProxy });
    const second = await start({ LIMIT_ADDRESS: "20", REDIS_URL: redis.url, ...behindProxy }, first);
    await redis.stop();
    const alone = address();
    assert.equal(await passed(30, () => browse(first, { headers: alone })), 20);
    assert.equal(await passed(30, () => browse(second, { headers: alone })), 20);
    redis = await startRedis({ binary, port });
    await until("they count together again", async () => {
      const headers = address();
      const granted = await passed(20, () => browse(first, { headers }));
      return granted === 20 && (await passed(20, () => browse(second, { headers }))) <= 4;
    });
    await redis.stop();
  });

  it("count together again after a connection to Redis has gone silent", async () => {
    const proxy = await startProxy();
    proxy.pointTo(Number(new URL(testSetting("TEST_REDIS_URL")).port));
    const first = await start({ LIMIT_ADDRESS: "20", REDIS_URL: `redis://127.0.0.1:${proxy.port}`, ...behindProxy });
    const second = await start({ LIMIT_ADDRESS: "20", ...behindProxy }, first);
    await ready(first, second);
    proxy.silence("down");
    proxy.heal();
    await until("they count together again", async () => {
      const headers = address();
      const granted = await passed(20, () => browse(first, { headers }));
      return granted === 20 && (await passed(20, () => browse(second, { headers }))) <= 4;
    });
    await proxy.close();
  });

  it("don't wait for a Redis that hangs", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const gateway = await start({
      LIMIT_ADDRESS: "20",
      REDIS_URL: `redis://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      ...behindProxy,
    });
    const headers = address();
    const startedAt = performance.now();
    assert.equal(await passed(40, () => browse(gateway, { headers })), 20);
    assert.ok(performance.now() - startedAt < 5_000);
    silent.close();
  });
});

// A gateway connects to Redis in the background.
async function ready(...gateways: TestGateway[]): Promise<void> {
  for (const gateway of gateways) {
    await until("Redis counts", async () => {
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return /boxoffice_edge_redis_connected 1/.test(metrics);
    });
  }
}
