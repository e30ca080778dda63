// The whole system as those see it who attack its ports: where each process listens, a method of it that takes no credentials,
// and whether everybody else is still served.

import assert from "node:assert/strict";
import type { DescMethod } from "@bufbuild/protobuf";
import { createGrpcClient, InventoryService, PaymentService, ReservationService } from "#stubs";
import { EventService } from "#gen/boxoffice/edge/v1/event";
import { bestOf, eventually, guest, organiser, publishEvent } from "./edge.ts";
import { startSystem, type System } from "./system.ts";

/** Where an attack goes: a process, and a method of it that takes no credentials. */
export type Target = { name: string; method: DescMethod };

/** A running system that is about to be attacked. */
export type AttackedSystem = {
  gatewayUrl: string;
  /** Returns the port on which a process takes calls. */
  portOf(target: Target): number;
  /** Fails when a process has ended, or when a buyer, or payment's caller, is not answered within a minute. */
  assertServing(): Promise<void>;
  /** Kills everything: nothing is left to be drained in order. */
  stop(): Promise<void>;
};

/** The public door. */
export const gateway: Target = { name: "gateway", method: EventService.method.listEvents };

/** The public door and the services behind it. */
export const targets: Target[] = [
  gateway,
  { name: "inventory", method: InventoryService.method.listEvents },
  { name: "reservation", method: ReservationService.method.listReservations },
  { name: "payment", method: PaymentService.method.getPayments },
];

/** Returns the path of a target's method. */
export function pathOf({ method }: Target): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Returns the headers of a gRPC call of a target's method, and `more`. */
export function grpcHeaders(target: Target, more: Record<string, string> = {}): Record<string, string> {
  return {
    ":method": "POST",
    ":scheme": "http",
    ":authority": "x",
    ":path": pathOf(target),
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  };
}

/** Starts a system with an event on sale; `settings` are the gateway's. */
export async function startAttackedSystem(settings: Record<string, string> = {}): Promise<AttackedSystem> {
  const system = await startSystem({ settings: { gateway: settings } });
  const processes = system.names();
  const eventId = await publishEvent(await organiser(system.gatewayUrl, system.issuerUrl));
  const buyer = await guest(system.gatewayUrl);
  return {
    gatewayUrl: system.gatewayUrl,
    portOf: ({ name }) => {
      const { grpc, http } = system.portsOf(name);
      return (grpc ?? http)!;
    },
    async assertServing() {
      assert.deepEqual(system.names(), processes, system.lastLines().slice(-20).join("\n"));
      // What is left of a flood may still be in the way for a moment.
      await eventually("a buyer is served", async () => {
        const wish = bestOf(eventId, 1);
        return await buyer.reservations
          .createReservation(wish)
          .then(() => buyer.reservations.cancelReservation(wish))
          .catch(() => undefined);
      });
      await assertPaymentServes(system);
    },
    async stop() {
      await Promise.all(system.names().map((name) => system.kill(name, "SIGKILL")));
      await system.stop();
    },
  };
}

async function assertPaymentServes(system: System): Promise<void> {
  const payment = createGrpcClient(PaymentService, `127.0.0.1:${system.portsOf("payment").grpc}`);
  try {
    await payment.getPayments({ keys: [] }, { timeoutMs: 10_000 });
  } finally {
    payment.close();
  }
}
