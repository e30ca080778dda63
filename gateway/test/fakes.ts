// Stand-ins for the internal services: real gRPC servers whose handlers a test replaces one by one.

import { pino } from "pino";
import { InventoryService, PaymentService, ReservationService, TicketService } from "#stubs";
import { implement, startGrpcServer, type GrpcServer, type Handlers, type Implementation } from "#shared/grpc-server";
import { createMetrics } from "#shared/metrics";
import { Code, ConnectError } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";

/** Handlers by local name; whatever a test does not set is UNIMPLEMENTED. */
export type Fake<S extends DescService> = {
  handlers: Partial<Handlers<S>>;
  target: string;
  stop(): Promise<void>;
  start(): Promise<void>;
};

/** The three services. */
export type Fakes = {
  inventory: Fake<typeof InventoryService>;
  reservation: Fake<typeof ReservationService>;
  payment: Fake<typeof PaymentService>;
  /** Handlers of the tickets, which reservation serves too. */
  tickets: Partial<Handlers<typeof TicketService>>;
  stop(): Promise<void>;
};

/** Starts the three services on free ports. */
export async function startFakes(): Promise<Fakes> {
  const tickets = delegate(TicketService);
  const [inventory, reservation, payment] = await Promise.all([
    startFake(InventoryService),
    startFake(ReservationService, [tickets.implementation]),
    startFake(PaymentService),
  ]);
  return {
    inventory,
    reservation,
    payment,
    tickets: tickets.handlers,
    stop: async () => void (await Promise.all([inventory.stop(), reservation.stop(), payment.stop()])),
  };
}

// Handlers that can be replaced while the server runs.
function delegate<S extends DescService>(
  service: S,
): { handlers: Partial<Handlers<S>>; implementation: Implementation } {
  const handlers: Record<string, (...args: never[]) => unknown> = {};
  const delegates = Object.fromEntries(
    service.methods.map(({ localName }) => [
      localName,
      async (...args: never[]) => {
        const handler = handlers[localName];
        if (!handler) throw new ConnectError(`${localName} is not faked`, Code.Unimplemented);
        return await handler(...args);
      },
    ]),
  );
  return {
    handlers: handlers as Partial<Handlers<S>>,
    implementation: implement(service, delegates as unknown as Handlers<S>),
  };
}

async function startFake<S extends DescService>(service: S, others: Implementation[] = []): Promise<Fake<S>> {
  const { handlers, implementation } = delegate(service);
  const start = (port: number) =>
    startGrpcServer({
      host: "127.0.0.1",
      port,
      implementations: [implementation, ...others],
      log: pino({ level: "silent" }),
      metrics: createMetrics(),
    });
  let server: GrpcServer = await start(0);
  const { port } = server;
  return {
    handlers,
    target: `127.0.0.1:${port}`,
    stop: async () => server.abort(),
    start: async () => void (server = await start(port)),
  };
}
