// The internal services, as the gateway sees them.

import type { DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  createGrpcClient,
  InventoryService,
  PaymentService,
  ReservationService,
  TicketService,
  type GrpcClient,
} from "#stubs";
import { edgeErrorFromBackend } from "./rpc/errors.ts";

/** Typed clients whose errors are already what a public caller may see. */
export type Backends = {
  inventory: GrpcClient<typeof InventoryService>;
  reservation: GrpcClient<typeof ReservationService>;
  /** Served by reservation too. */
  tickets: GrpcClient<typeof TicketService>;
  payment: GrpcClient<typeof PaymentService>;
  /** Returns which service can't be reached, or undefined. Without payment most of the gateway works, so it does not count. */
  notReadyBecause(): Promise<string | undefined>;
  /** Closes the channels; running calls finish. */
  close(): void;
};

const readyWithinMs = 1_000;

const channelOptions = {
  // A stadium's availability is larger than the default of 4 MiB.
  "grpc.max_receive_message_length": 16 << 20,
  // grpc-js waits up to two minutes before it tries a lost service again: too long for a sale.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

/** Returns clients of the services at these targets (`host:port`). They connect on first use. */
export function createBackends(targets: { inventory: string; reservation: string; payment: string }): Backends {
  const inventory = createBackend(InventoryService, targets.inventory);
  const reservation = createBackend(ReservationService, targets.reservation);
  const tickets = createBackend(TicketService, targets.reservation);
  const payment = createBackend(PaymentService, targets.payment);
  return {
    inventory,
    reservation,
    tickets,
    payment,
    async notReadyBecause() {
      const deadlineMs = Date.now() + readyWithinMs;
      const needed = Object.entries({ inventory, reservation });
      const reasons = await Promise.all(
        needed.map(([name, client]) =>
          client.waitForReady(deadlineMs).then(
            () => undefined,
            () => `${name} can't be reached`,
          ),
        ),
      );
      return reasons.find((reason) => reason !== undefined);
    },
    close: () => [inventory, reservation, tickets, payment].forEach((client) => client.close()),
  };
}

function createBackend<S extends DescService>(service: S, target: string): GrpcClient<S> {
  const client = createGrpcClient(service, target, channelOptions);
  const calls = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const translated = service.methods.map(({ localName, idempotency }) => {
    const call = calls[localName]!;
    const isRead = idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    const translate = (error: unknown) => {
      throw edgeErrorFromBackend(error, { isRead });
    };
    return [localName, (...args: unknown[]) => call(...args).catch(translate)] as const;
  });
  return { ...client, ...Object.fromEntries(translated) };
}
