// What a spec of this service stands in: a database of its own, neighbours that it controls, any number of replicas.

import { randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { createGrpcClient, RefusalReason, ReservationService, TicketService, type GrpcClient } from "#stubs";
import { startService } from "#shared/service";
import { ReservationState, type Reservation, type ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";
import { createTestDatabase, testSetting, type TestDatabase } from "../../../test/support/database.ts";
import { buildReservation } from "../src/build.ts";
import { readReservationConfig } from "../src/config.ts";
import { startFakeInventory, type FakeInventory } from "./fake-inventory.ts";
import { startFakePayment, type FakePayment } from "./fake-payment.ts";

export type Replica = {
  client: GrpcClient<typeof ReservationService>;
  tickets: GrpcClient<typeof TicketService>;
  adminPort: number;
  stop(): Promise<void>;
};

export type World = {
  database: TestDatabase;
  inventory: FakeInventory;
  payment: FakePayment;
  /** A Redis stream of this world's own. */
  stream: string;
  /** The environment that a replica runs with. */
  env(settings?: Record<string, string>): Record<string, string>;
  startReplica(settings?: Record<string, string>): Promise<Replica>;
  /** Ends everything. */
  end(): Promise<void>;
};

export const customerId = "customer-1";
export const ticketSecret = "a ticket secret of the tests, 32 or more";
export const within = { timeoutMs: 15_000 };

export async function createWorld(): Promise<World> {
  const database = await createTestDatabase();
  const inventory = await startFakeInventory();
  const payment = await startFakePayment();
  const stream = `test:${randomBytes(6).toString("hex")}`;
  const replicas: Replica[] = [];
  const env = (settings: Record<string, string> = {}) => ({
    ...{ HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "silent", EVENTS_STREAM: stream },
    DATABASE_URL: database.urlOf("reservation"),
    REDIS_URL: testSetting("TEST_REDIS_URL"),
    INVENTORY_TARGET: inventory.target,
    PAYMENT_TARGET: payment.target,
    TICKET_SECRET: ticketSecret,
    RECONCILER_INTERVAL_MS: "50",
    SWEEPER_INTERVAL_MS: "50",
    RELAY_INTERVAL_MS: "50",
    // Nobody looks by itself where a test does not say so.
    ACTION_POLL_MS: "600000",
    ...settings,
  });
  return {
    database,
    inventory,
    payment,
    stream,
    env,
    async startReplica(settings) {
      const service = await startService("reservation", readReservationConfig(env(settings)), buildReservation);
      const client = createGrpcClient(ReservationService, `127.0.0.1:${service.port}`);
      const tickets = createGrpcClient(TicketService, `127.0.0.1:${service.port}`);
      let stopped: Promise<void> | undefined;
      const replica: Replica = {
        client,
        tickets,
        adminPort: service.adminPort,
        stop: () =>
          (stopped ??= (async () => {
            client.close();
            tickets.close();
            await service.lifecycle.stop("test");
          })()),
      };
      replicas.push(replica);
      return replica;
    },
    async end() {
      inventory.hooks.reset();
      payment.hooks.reset();
      await Promise.all(replicas.map((replica) => replica.stop()));
      inventory.stop();
      payment.stop();
      await database.drop();
    },
  };
}

export type Ids = { eventId: string; reservationId: string };

export function newIds(eventId = uuidv7()): Ids {
  return { eventId, reservationId: uuidv7() };
}

/** Two of the best seats for the customer. */
export function holdOf(ids: Ids, customer = customerId) {
  return {
    ...ids,
    customerId: customer,
    areaId: "stalls",
    selection: { case: "bestAvailable" as const, value: { quantity: 2 } },
  };
}

export async function reserve({ client }: Replica, ids = newIds()): Promise<Ids> {
  const { outcomes } = await client.createReservations({ commands: [holdOf(ids)] }, within);
  if (outcomeOf(outcomes[0]) !== "HELD") throw new Error(`not held: ${outcomeOf(outcomes[0])}`);
  return ids;
}

export async function pay(
  { client }: Replica,
  ids: Ids,
  options: { token?: string; key?: string; timeoutMs?: number; customer?: string } = {},
) {
  const { token = "tok_approve", key = "attempt-1", timeoutMs = within.timeoutMs, customer = customerId } = options;
  return await client.checkout(
    { key: { ...ids, customerId: customer }, paymentMethodToken: token, idempotencyKey: key },
    { timeoutMs },
  );
}

export async function cancel({ client }: Replica, ids: Ids, customer = customerId) {
  const { outcome } = await client.cancelReservation({ key: { ...ids, customerId: customer } }, within);
  return outcomeOf(outcome);
}

/** Refunds all that is left of a booking, at the organiser's word, which customers' rules do not bind. */
export async function refundAll({ client }: Replica, ids: Ids): Promise<string> {
  const request = { ...ids, refundId: uuidv7(), reason: "the show is off", requestedBy: "organiser-1" };
  return outcomeOf((await client.refundReservation(request, within)).outcome);
}

export async function stateNow({ client }: Replica, ids: Ids): Promise<string> {
  const { outcome } = await client.getReservation({ key: { ...ids, customerId } }, within);
  return outcomeOf(outcome);
}

/** The reservation's state, or the refusal's reason. */
export function outcomeOf(outcome: ReservationOutcome | undefined): string {
  switch (outcome?.outcome.case) {
    case "reservation":
      return ReservationState[outcome.outcome.value.state];
    case "refusal":
      return RefusalReason[outcome.outcome.value.reason];
    default:
      return "nothing";
  }
}

export function reservationOf(outcome: ReservationOutcome | undefined): Reservation {
  if (outcome?.outcome.case !== "reservation") throw new Error(`refused: ${outcomeOf(outcome)}`);
  return outcome.outcome.value;
}

/** Asks until the answer is the wanted one; the test's own timeout is the bound. */
export async function eventually<T>(ask: () => Promise<T> | T, isWanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
