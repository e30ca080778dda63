// Whatever step a process dies at, another one finishes the booking.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { v4 as uuidv4, v7 as uuidv7 } from "uuid";
import { createGrpcClient, InventoryService, PaymentService, ReservationService } from "#stubs";
import { createLogger } from "#shared/logger";
import { createBatchMetrics, createMetrics } from "#shared/metrics";
import { createSql, type Sql } from "#shared/sql";
import type { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { ticketsOf } from "../test/doors.ts";
import { bankPage } from "../test/fake-payment.ts";
import { gateAt } from "../test/hooks.ts";
import {
  createWorld,
  customerId,
  eventually,
  holdOf,
  newIds,
  outcomeOf,
  pay,
  reserve,
  stateNow,
  within,
  type Ids,
  type Replica,
  type World,
} from "../test/world.ts";
import { digestOf } from "./domain/checkout.ts";
import { Phase, type Booking } from "./domain/booking.ts";
import type { RefundWish } from "./domain/refund.ts";
import { createInventory, type Inventory } from "./inventory.ts";
import { createPayments, type Payments } from "./payments.ts";
import { createSagaRunner } from "./saga-runner.ts";
import { applyMoves, type Move } from "./store/apply-moves.ts";
import { beginCheckouts } from "./store/begin-checkouts.ts";
import { readBooking } from "./store/read-bookings.ts";
import { beginRefund, readRunningRefund } from "./store/refunds.ts";

describe("recovery", () => {
  let world: World;
  let replica: Replica;
  let sql: Sql;
  let inventory: Inventory;
  let payments: Payments;
  const closing: (() => void)[] = [];
  before(async () => {
    world = await createWorld();
    // It leaves abandoned bookings alone: heirs come when the test says so.
    replica = await world.startReplica({ RECONCILER_INTERVAL_MS: "60000" });
    sql = createSql({ url: world.database.urlOf("reservation"), poolMax: 4, applicationName: "test" });
    const inventoryClient = createGrpcClient(InventoryService, world.inventory.target);
    const paymentClient = createGrpcClient(PaymentService, world.payment.target);
    const metrics = createBatchMetrics(createMetrics());
    inventory = createInventory({ client: inventoryClient, timeoutMs: 2_000, metrics });
    payments = createPayments({ client: paymentClient, timeoutMs: 2_000 });
    closing.push(inventoryClient.close, paymentClient.close);
  });
  beforeEach(() => {
    world.inventory.settings.placesMax = Infinity;
    world.inventory.hooks.reset();
    world.payment.hooks.reset();
  });
  after(async () => {
    for (const close of closing) close();
    await sql.end({ timeout: 1 });
    await world.end();
  });

  /**
   * Runs a booking's saga in a process that dies before its call or write number `liveSteps`: from then on nothing of it
   * happens any more. Resolves true when it died, false when it came to its end first.
   */
  async function runUntilDeath(booking: Booking, liveSteps: number): Promise<boolean> {
    let steps = 0;
    let die = () => {};
    const died = new Promise<true>((resolve) => (die = () => resolve(true)));
    const mortal = <A extends unknown[], R>(act: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => {
        steps += 1;
        if (steps <= liveSteps) return act(...args);
        die();
        return new Promise(() => {});
      };
    };
    const runner = createSagaRunner({
      inventory: {
        ...inventory,
        confirm: mortal(inventory.confirm),
        release: mortal(inventory.release),
        extend: mortal(inventory.extend),
        holdAgain: mortal(inventory.holdAgain),
      },
      payments: {
        ...payments,
        authorize: mortal(payments.authorize),
        capture: mortal(payments.capture),
        void: mortal(payments.void),
        refund: mortal(payments.refund),
        read: mortal(payments.read),
      },
      moves: { submit: mortal(async (move: Move) => (await applyMoves(sql, [move]))[0]) },
      readRefund: (booking) => readRunningRefund(sql, booking),
      newId: () => uuidv4(),
      now: Date.now,
      random: Math.random,
      leaseMs: 0,
      actionPollMs: 0,
      sagasMax: 10,
      log: createLogger({ service: "test", level: "silent" }),
      metrics: createMetrics(),
    });
    return await Promise.race([died, runner.run(booking, { untilMs: Infinity }).then(() => false as const)]);
  }

  async function begin(ids: Ids, token: string): Promise<Booking> {
    const [begun] = await beginCheckouts(
      sql,
      [
        {
          ...{ ...ids, customerId, idempotencyKey: "attempt-1", paymentId: uuidv4(), paymentMethodToken: token },
          tokenDigest: digestOf(token),
        },
      ],
      { leaseMs: 0 },
    );
    assert.equal(begun!.kind, "begun");
    return (begun as { booking: Booking }).booking;
  }

  async function beginCancel(ids: Ids): Promise<Booking> {
    const booking = (await readBooking(sql, { ...ids, customerId }))!;
    const [moved] = await applyMoves(sql, [{ from: booking, to: Phase.releasing, leaseMs: 0 }]);
    return moved!;
  }

  async function payAndRefund(ids: Ids, wishOf: (ticketIds: string[]) => RefundWish): Promise<Booking> {
    await pay(replica, ids);
    const wish = wishOf((await ticketsOf(replica, ids)).map(({ ticketId }) => ticketId));
    const request = { ...ids, refundId: uuidv4(), reason: "off", keepBlocked: false, requestedBy: "organiser", wish };
    const begun = await beginRefund(sql, request, { asker: { kind: "organiser" }, leaseMs: 0 });
    assert.equal(begun.kind, "begun");
    return (begun as { booking: Booking }).booking;
  }

  const stories: {
    name: string;
    start: (ids: Ids) => Promise<Booking>;
    end: string;
    payments: (keyof typeof PaymentState)[];
    hold: string;
    steps: number;
  }[] = [
    {
      name: "an approved payment",
      start: (ids) => begin(ids, "tok_approve"),
      ...{ end: "CONFIRMED", payments: ["CAPTURED"], hold: "CONFIRMED", steps: 5 },
    },
    {
      name: "an approved payment whose hold has to be prolonged",
      start: async (ids) => {
        const soon = new Date(Date.now() + 30_000);
        world.inventory.holds.get(ids.reservationId)!.expiresAtMs = soon.getTime();
        await sql`
          update reservation.reservation set hold_expires_at = ${soon} where reservation_id = ${ids.reservationId}`;
        return await begin(ids, "tok_approve");
      },
      ...{ end: "CONFIRMED", payments: ["CAPTURED"], hold: "CONFIRMED", steps: 7 },
    },
    {
      name: "a declined payment",
      start: (ids) => begin(ids, "tok_decline"),
      ...{ end: "HELD", payments: ["DECLINED"], hold: "HELD", steps: 2 },
    },
    {
      name: "a payment whose customer has acted",
      start: async (ids) => {
        const booking = await begin(ids, "tok_3ds");
        const { paymentId, paymentMethodToken } = booking;
        await payments.authorize({ ...booking, paymentId: paymentId!, paymentMethodToken: paymentMethodToken! });
        world.payment.act(ids.reservationId, true);
        const wait = { from: booking, to: Phase.authorizing, leaseMs: 0, nextActionUrl: bankPage };
        return (await applyMoves(sql, [wait]))[0]!;
      },
      ...{ end: "CONFIRMED", payments: ["CAPTURED"], hold: "CONFIRMED", steps: 7 },
    },
    {
      name: "a payment that came late, whose seats are still free",
      start: async (ids) => {
        const booking = await begin(ids, "tok_approve");
        world.inventory.lapse(ids.reservationId);
        return booking;
      },
      ...{ end: "CONFIRMED", payments: ["CAPTURED"], hold: "EXPIRED", steps: 12 },
    },
    {
      name: "a payment that came late, whose seats are gone",
      start: async (ids) => {
        const booking = await begin(ids, "tok_approve");
        world.inventory.lapse(ids.reservationId);
        world.inventory.settings.placesMax = 0;
        return booking;
      },
      ...{ end: "EXPIRED", payments: ["VOIDED"], hold: "EXPIRED", steps: 9 },
    },
    {
      name: "a cancelled hold",
      start: beginCancel,
      ...{ end: "CANCELLED", payments: [], hold: "RELEASED", steps: 2 },
    },
    {
      name: "a refund",
      start: (ids) => payAndRefund(ids, () => ({ kind: "whole" })),
      ...{ end: "REFUNDED", payments: ["REFUNDED"], hold: "REFUNDED", steps: 3 },
    },
    {
      name: "a refund of one ticket",
      start: (ids) => payAndRefund(ids, ([ticketId]) => ({ kind: "tickets", ticketIds: [ticketId!] })),
      ...{ end: "CONFIRMED", payments: ["CAPTURED"], hold: "CONFIRMED", steps: 3 },
    },
    {
      name: "a refund of an amount",
      start: (ids) => payAndRefund(ids, () => ({ kind: "amount", amountMinor: 300, currency: "EUR" })),
      ...{ end: "CONFIRMED", payments: ["CAPTURED"], hold: "CONFIRMED", steps: 2 },
    },
  ];

  for (const { name, start, end, payments: states, hold, steps } of stories) {
    for (let liveSteps = 0; liveSteps <= steps; liveSteps += 1) {
      const fate =
        liveSteps === steps ? "is finished by a process that lives" : `survives death after step ${liveSteps}`;
      it(`${name} ${fate}`, async () => {
        const ids = await reserve(replica);
        const booking = await start(ids);
        assert.equal(await runUntilDeath(booking, liveSteps), liveSteps < steps);
        const heir = await world.startReplica({ RECONCILER_INTERVAL_MS: "20" });
        await eventually(
          () => sql`
            select 1 from reservation.reservation
            where reservation_id = ${ids.reservationId} and next_attempt_at is not null`,
          (unfinished) => unfinished.length === 0,
        );
        await heir.stop();
        assert.equal(await stateNow(replica, ids), end);
        assert.deepEqual(world.payment.statesOf(ids.reservationId), states);
        assert.ok(world.payment.capturesOf(ids.reservationId) <= 1);
        assert.equal(world.inventory.stateOf(ids.reservationId), hold);
        const open = await sql`
          select 1 from reservation.checkout where reservation_id = ${ids.reservationId} and outcome is null`;
        assert.equal(open.length, 0);
      });
    }
  }

  it("finishes many abandoned bookings with two replicas at once, each once", async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => reserve(replica)));
    await Promise.all(many.map((ids) => begin(ids, "tok_approve")));
    const settings = { RECONCILER_INTERVAL_MS: "20", RECONCILER_SAGAS_MAX: "7" };
    const heirs = await Promise.all([world.startReplica(settings), world.startReplica(settings)]);
    await eventually(
      () => Promise.all(many.map((ids) => stateNow(replica, ids))),
      (states) => states.every((state) => state === "CONFIRMED"),
    );
    for (const ids of many) {
      assert.equal(world.payment.capturesOf(ids.reservationId), 1);
      assert.equal((await ticketsOf(replica, ids)).length, 2);
    }
    await Promise.all(heirs.map((heir) => heir.stop()));
  });

  for (const { name, start, end, payments: states, hold } of stories) {
    it(`${name} ends the same when two processes run it at once`, async () => {
      const ids = await reserve(replica);
      const booking = await start(ids);
      await Promise.all([runUntilDeath(booking, Infinity), runUntilDeath(booking, Infinity)]);
      assert.equal(await stateNow(replica, ids), end);
      assert.deepEqual(world.payment.statesOf(ids.reservationId), states);
      assert.ok(world.payment.capturesOf(ids.reservationId) <= 1);
      assert.equal(world.inventory.stateOf(ids.reservationId), hold);
    });
  }

  it("keeps others away from a booking for as long as its calls take", async () => {
    const settings = { SAGA_LEASE_MS: "300", RECONCILER_INTERVAL_MS: "20" };
    const [busy, idle] = [await world.startReplica(settings), await world.startReplica(settings)];
    const ids = await reserve(busy);
    const gate = gateAt("authorize");
    world.payment.hooks.before = gate.hook;
    const paying = pay(busy, ids);
    await gate.reached;
    // Five leases long: without renewal the other replica would have asked as well.
    await eventually(
      () => sql`
        select 1 from reservation.reservation
        where reservation_id = ${ids.reservationId} and clock_timestamp() > phase_at + interval '1500 ms'`,
      (waited) => waited.length > 0,
    );
    assert.equal(world.payment.hooks.calls.get("authorize"), 1);
    gate.open();
    assert.equal(outcomeOf((await paying).outcome), "CONFIRMED");
    await Promise.all([busy.stop(), idle.stop()]);
  });

  for (const [neighbour, method] of [
    ["payment", "authorize"],
    ["inventory", "confirmHolds"],
    ["payment", "capture"],
  ] as const) {
    for (const moment of ["before", "after"] as const) {
      it(`survives kill -9 ${moment} ${method} takes effect`, async () => {
        const victim = await spawnVictim();
        const ids = newIds();
        await victim.client.createReservations({ commands: [holdOf(ids)] }, within);
        const gate = gateAt(method);
        world[neighbour].hooks[moment] = gate.hook;
        const lost = victim.client.checkout(
          { key: { ...ids, customerId }, paymentMethodToken: "tok_approve", idempotencyKey: "k" },
          within,
        );
        await Promise.all([assert.rejects(lost), gate.reached.then(() => victim.kill()).then(gate.open)]);
        const heir = await world.startReplica({ RECONCILER_INTERVAL_MS: "20" });
        await eventually(
          () => stateNow(replica, ids),
          (state) => state === "CONFIRMED",
        );
        assert.equal(world.payment.capturesOf(ids.reservationId), 1);
        assert.equal(outcomeOf((await pay(replica, ids, { key: "k" })).outcome), "CONFIRMED");
        assert.equal((await ticketsOf(replica, ids)).length, 2);
        await heir.stop();
      });
    }
  }

  async function spawnVictim() {
    const main = fileURLToPath(new URL("./main.ts", import.meta.url));
    const settings = { ANNOUNCE_PORTS: "true", SAGA_LEASE_MS: "500", RECONCILER_INTERVAL_MS: "60000" };
    const child = spawn(process.execPath, ["--import=tsx", main], {
      env: { PATH: process.env["PATH"], ...world.env(settings) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { ports } = JSON.parse(line.toString()) as { ports: { grpc: number } };
    const client = createGrpcClient(ReservationService, `127.0.0.1:${ports.grpc}`);
    closing.push(client.close);
    return {
      client,
      async kill() {
        child.kill("SIGKILL");
        await once(child, "exit");
      },
    };
  }

  it("keeps a reservation's id apart per event", async () => {
    const first = await reserve(replica);
    const second = { eventId: uuidv7(), reservationId: first.reservationId };
    world.inventory.holds.delete(first.reservationId);
    await reserve(replica, second);
    assert.equal(await stateNow(replica, first), "HELD");
  });
});
