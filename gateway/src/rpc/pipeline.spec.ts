import assert from "node:assert/strict";
import { Code } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { EventService } from "#gen/boxoffice/edge/v1/event";
import { Role } from "#gen/boxoffice/edge/v1/session";
import { edgeServices, policyOf } from "../policy.ts";
import {
  clientOf,
  organiserToken,
  post,
  startTestGateway,
  tokenFor,
  until,
  type TestGateway,
} from "../../test/harness.ts";
import { eventId, eventOf, held, refused, wishJson } from "../../test/messages.ts";

const secretA = "a-secret-of-production-grade-0001";
const secretB = "b-secret-of-production-grade-0002";

describe("pipeline", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway({ SESSION_SECRET: secretB, SESSION_SECRET_PREVIOUS: secretA });
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
    gateway.fakes.inventory.handlers.publishEvent = async () => ({ event: eventOf() });
  });
  after(() => gateway.stop());

  const getEvent = (token?: string) =>
    post(gateway.url, "EventService/GetEvent", { eventId }, token === undefined ? {} : { token });

  it("has a policy for every public method, and one that its protocol allows", () => {
    for (const method of edgeServices.flatMap((service) => service.methods)) {
      const policy = policyOf(method);
      if (policy.cacheControl !== undefined) assert.equal(method.idempotency, 1, method.name);
      if (policy.limits.includes("event")) assert.ok(method.input.field["eventId"], method.name);
    }
  });

  it("demands a session for every method that is not public, and lets public ones through without", async () => {
    for (const method of edgeServices.flatMap((service) => service.methods)) {
      const { status } = await post(gateway.url, `${method.parent.name}/${method.name}`, {});
      if (policyOf(method).access === "public") assert.notEqual(status, 401, method.name);
      else assert.equal(status, 401, method.name);
    }
  });

  it("demands the organiser role where the policy says so", async () => {
    for (const token of [
      tokenFor("guest:1", { secret: secretB }),
      tokenFor("g", { secret: secretB, roles: [Role.GATE] }),
    ]) {
      const answer = await post(gateway.url, "EventService/PublishEvent", { eventId }, { token });
      assert.deepEqual([answer.status, answer.body.code], [403, "permission_denied"]);
    }
    const token = tokenFor("o", { secret: secretB, roles: [Role.ORGANISER] });
    assert.equal((await post(gateway.url, "EventService/PublishEvent", { eventId }, { token })).status, 200);
  });

  it("accepts tokens of the current and of the previous secret", async () => {
    for (const secret of [secretA, secretB])
      assert.equal((await getEvent(tokenFor("guest:1", { secret }))).status, 200);
  });

  const bad: [string, () => string][] = [
    ["of another secret", () => organiserToken()],
    ["expired", () => tokenFor("guest:1", { secret: secretB, expiresAtMs: Date.now() - 1_000 })],
    ["cut short", () => tokenFor("guest:1", { secret: secretB }).slice(0, -1)],
    ["changed", () => `x${tokenFor("guest:1", { secret: secretB })}`],
    ["empty of meaning", () => "x"],
    ["far too long", () => "x".repeat(5_000)],
  ];
  for (const [what, token] of bad) {
    it(`refuses a token that is ${what}, on public methods too`, async () => {
      assert.equal((await getEvent(token())).status, 401);
    });
  }

  it("refuses an authorization header of another kind", async () => {
    const answer = await post(
      gateway.url,
      "EventService/GetEvent",
      { eventId },
      { headers: { authorization: "Basic eDp5" } },
    );
    assert.equal(answer.status, 401);
  });

  it("passes the client's deadline on, caps it, and sets the method's own where there is none", async () => {
    const left: number[] = [];
    gateway.fakes.inventory.handlers.getEvent = async (_, call) => {
      left.push(call.deadlineAtMs - Date.now());
      return { event: eventOf() };
    };
    gateway.fakes.reservation.handlers.checkout = async (_, call) => {
      left.push(call.deadlineAtMs - Date.now());
      return { outcome: held() };
    };
    const ask = async (headers: Record<string, string>) =>
      (await post(gateway.url, "EventService/GetEvent", { eventId }, { headers })).status;
    assert.equal(await ask({ "connect-timeout-ms": "5000" }), 200);
    assert.equal(await ask({}), 200);
    assert.equal(await ask({ "connect-timeout-ms": "9999999999" }), 200);
    await clientOf(EventService, gateway.url, { protocol: "gRPC, HTTP/2" }).getEvent(
      { eventId },
      { timeoutMs: 86_400_000 },
    );
    const { eventId: _, ...rest } = { ...wishJson, bestAvailable: undefined, areaId: undefined };
    const payment = { eventId, ...rest, paymentMethodToken: "tok", idempotencyKey: "k" };
    const token = tokenFor("guest:1", { secret: secretB });
    assert.equal((await post(gateway.url, "ReservationService/Checkout", payment, { token })).status, 200);
    const expected = [5_000, 10_000, 30_000, 30_000, 30_000];
    left.forEach((ms, index) => assert.ok(ms <= expected[index]! && ms > expected[index]! / 2, `${index}: ${ms}`));
    assert.equal(left.length, expected.length);
    assert.equal(await ask({ "connect-timeout-ms": "soon" }), 400);
  });

  it("says DEADLINE_EXCEEDED, and nothing else, when the client's deadline has passed", async () => {
    gateway.fakes.inventory.handlers.getEvent = async (_, call) => {
      await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve(), { once: true }));
      return { event: eventOf() };
    };
    const ask = (timeoutMs: number) =>
      post(gateway.url, "EventService/GetEvent", { eventId }, { headers: { "connect-timeout-ms": String(timeoutMs) } });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(20 + index)));
    for (const { status, body } of answers) assert.deepEqual([status, body.code], [504, "deadline_exceeded"]);
  });

  it("cancels the call to the service when the client goes away", async () => {
    let cancelled = false;
    let started = false;
    gateway.fakes.inventory.handlers.getEvent = async (_, call) => {
      started = true;
      await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve(), { once: true }));
      cancelled = true;
      return { event: eventOf() };
    };
    const leaving = new AbortController();
    const asked = clientOf(EventService, gateway.url).getEvent({ eventId }, { signal: leaving.signal });
    await until("the service works on it", () => started);
    leaving.abort();
    await assert.rejects(asked);
    await until("the service noticed", () => cancelled);
    const counted = 'method="boxoffice.edge.v1.EventService/GetEvent",code="Canceled"} 1';
    await until("it counts as cancelled, not as a fault", async () =>
      (await (await fetch(`${gateway.adminUrl}/metrics`)).text()).includes(counted),
    );
  });

  it("reports requests by method and code, and what runs", async () => {
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
    await getEvent();
    await getEvent("x");
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const series =
      'boxoffice_edge_request_duration_seconds_count{method="boxoffice.edge.v1.EventService/GetEvent",code=';
    for (const code of ["OK", Code[Code.Unauthenticated]]) assert.ok(text.includes(`${series}"${code}"}`), code);
    assert.match(text, /boxoffice_edge_in_flight_requests 0/);
    assert.match(text, /boxoffice_batch_queue_items\{batcher="create_reservations"\} 0/);
  });
});

describe("pipeline under load", () => {
  let gateway: TestGateway;
  before(
    async () =>
      (gateway = await startTestGateway({ IN_FLIGHT_MAX: "10", BATCH_QUEUE_MAX: "1", BATCH_IN_FLIGHT_MAX: "1" })),
  );
  after(() => gateway.stop());

  it("refuses browsing first and paying last, at once and with a time to come back", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    let running = 0;
    gateway.fakes.inventory.handlers.getEvent = async () => {
      running += 1;
      await opened;
      return { event: eventOf() };
    };
    gateway.fakes.reservation.handlers.checkout = async () => {
      running += 1;
      await opened;
      return { outcome: held() };
    };
    const token = tokenFor("guest:1");
    const { areaId: _, bestAvailable: __, ...key } = wishJson;
    const browse = () => post(gateway.url, "EventService/GetEvent", { eventId });
    const pay = () =>
      post(
        gateway.url,
        "ReservationService/Checkout",
        { ...key, paymentMethodToken: "t", idempotencyKey: "k" },
        { token },
      );
    const accepted = Array.from({ length: 8 }, browse);
    await until("eight run", () => running === 8);
    const refusedAnswer = await browse();
    assert.equal(refusedAnswer.status, 429);
    assert.equal(refusedAnswer.headers.get("retry-after"), "1");
    assert.match(JSON.stringify(refusedAnswer.body), /OVERLOADED/);
    accepted.push(pay(), pay());
    await until("ten run", () => running === 10);
    assert.equal((await pay()).status, 429);
    open();
    for (const answer of await Promise.all(accepted)) assert.equal(answer.status, 200);
  });

  it("refuses a reservation when too many wait for a batch", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    let started = false;
    gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
      started = true;
      await opened;
      return { outcomes: commands.map(() => refused(RefusalReason.SOLD_OUT)) };
    };
    const token = tokenFor("guest:1");
    const ask = () => post(gateway.url, "ReservationService/CreateReservation", wishJson, { token });
    const first = ask();
    await until("a batch runs", () => started);
    const others = [ask(), ask()];
    const overloaded = await Promise.race(others);
    assert.equal(overloaded.status, 429);
    assert.match(JSON.stringify(overloaded.body), /OVERLOADED/);
    assert.equal(overloaded.headers.get("retry-after"), "1");
    open();
    assert.deepEqual((await Promise.all([first, ...others])).map(({ status }) => status).sort(), [400, 400, 429]);
  });
});
