// What inventory's specs start from: services in this process on a database of their own, and events to sell.

import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { v7 as uuid } from "uuid";
import { createGrpcClient, InventoryService, type GrpcClient } from "#stubs";
import {
  HoldState,
  type CreateEventRequestSchema,
  type HoldCommandSchema,
  type HoldOutcome,
} from "#gen/boxoffice/inventory/v1/inventory";
import { reasonName } from "#shared/refusal";
import { startService } from "#shared/service";
import { readInventoryConfig } from "../config.ts";
import { buildInventory } from "../inventory.ts";

/** A running service with its client. */
export type RunningInventory = {
  client: GrpcClient<typeof InventoryService>;
  adminUrl: string;
  stop(): Promise<void>;
};

/** What a command may be made of. */
export type HoldInit = Exclude<MessageInitShape<typeof HoldCommandSchema>, Message>;

/** What an event may be made of. */
export type EventInit = Exclude<MessageInitShape<typeof CreateEventRequestSchema>, Message>;

/** Time that a test gives a call. */
export const patient = { timeoutMs: 15_000 };

/** Starts a service on `databaseUrl`, with its log off. */
export async function startInventory(databaseUrl: string, settings: NodeJS.ProcessEnv = {}): Promise<RunningInventory> {
  const config = readInventoryConfig({
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    LOG_LEVEL: "silent",
    DATABASE_URL: databaseUrl,
    SWEEP_INTERVAL_MS: "2500",
    ...settings,
  });
  const { port, adminPort, lifecycle } = await startService("inventory", config, buildInventory);
  const client = createGrpcClient(InventoryService, `127.0.0.1:${port}`);
  return {
    client,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    async stop() {
      client.close();
      await lifecycle.stop("test");
    },
  };
}

/** Returns a request for an event with a seated area `stalls` (2 rows of 25) and a general admission area `floor` (50). */
export function eventRequest(changes: EventInit = {}): EventInit & { eventId: string } {
  const price = { currencyCode: "EUR", amountMinor: 4_500n };
  return {
    organiserId: "organiser",
    name: "Concert",
    venue: "Hall",
    startTime: timestampFromDate(new Date(Date.now() + 86_400_000)),
    areas: [
      { areaId: "stalls", name: "Stalls", price, layout: seatedLayout([25, 25]) },
      { areaId: "floor", name: "Floor", price, layout: { case: "generalAdmission", value: { capacity: 50 } } },
    ],
    ...changes,
    eventId: changes.eventId ?? uuid(),
  };
}

/** Returns rows A, B, … with these numbers of seats. */
export function seatedLayout(seatCounts: number[]) {
  const rows = seatCounts.map((seatCount, index) => ({ label: String.fromCharCode(65 + index), seatCount }));
  return { case: "seated" as const, value: { rows } };
}

/** Creates and publishes an event, and returns its id. */
export async function publishEvent({ client }: RunningInventory, changes: EventInit = {}): Promise<string> {
  const request = eventRequest(changes);
  await client.createEvent(request, patient);
  await client.publishEvent({ eventId: request.eventId }, patient);
  return request.eventId;
}

/** Returns a command for the best seat of `stalls`, by a customer and a key of its own. */
export function holdCommand(eventId: string, changes: HoldInit = {}) {
  const holdId = changes.holdId ?? uuid();
  return { customerId: `customer-${holdId}`, areaId: "stalls", ...best(1), ...changes, eventId, holdId };
}

/** Selections. */
export const best = (quantity: number, split = false) => ({
  selection: { case: "bestAvailable" as const, value: { quantity, split } },
});
export const named = (...seats: [row: string, number: number][]) => ({
  selection: { case: "namedSeats" as const, value: { seats: seats.map(([row, number]) => ({ row, number })) } },
});
export const places = (quantity: number) => ({
  areaId: "floor",
  selection: { case: "generalAdmission" as const, value: { quantity } },
});

/** Returns the key of a command's hold. */
export function keyOf({ eventId, holdId }: { eventId: string; holdId: string }) {
  return { eventId, holdId };
}

/** Sends commands in one call and returns their outcomes. */
export async function hold({ client }: RunningInventory, ...commands: HoldInit[]): Promise<HoldOutcome[]> {
  return (await client.holdSeats({ commands }, patient)).outcomes;
}

/** Returns an outcome in one word: the hold's state, or the reason of the refusal. */
export function wordOf({ outcome }: HoldOutcome): string {
  switch (outcome.case) {
    case "hold":
      return HoldState[outcome.value.state];
    case "refusal":
      return reasonName(outcome.value.reason);
    case undefined:
      return "UNSPECIFIED";
  }
}

/** Returns the seats of an outcome, e.g. `A-1,A-2`; empty where it is a refusal. */
export function seatsOf({ outcome }: HoldOutcome): string {
  return outcome.case === "hold" ? outcome.value.seats.map((seat) => `${seat.row}-${seat.number}`).join(",") : "";
}

/** Returns the checks that found violations. */
export async function violationsOf({ client }: RunningInventory): Promise<string[]> {
  const { reports } = await client.checkInvariants({}, patient);
  return reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => `${name}: ${examples.join()}`);
}

/** Waits until `condition` holds; throws after `timeoutMs`. */
export async function until(condition: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not so within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
