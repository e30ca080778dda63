// Which handler answers which method.

import type { DescMethod, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { EventService } from "#gen/boxoffice/edge/v1/event";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import { SessionService } from "#gen/boxoffice/edge/v1/session";
import { TicketService } from "#gen/boxoffice/edge/v1/ticket";
import type { Backends } from "../backends.ts";
import type { SoldOutNotes } from "../overload/sold-out-notes.ts";
import type { ReservationBatcher } from "../reservation-batcher.ts";
import type { SessionOpener } from "../session/session-opener.ts";
import { createEventHandlers } from "./event-service.ts";
import { createOperationsHandlers } from "./operations-service.ts";
import type { EdgeHandler, EdgeHandlers, Invoke, Pipeline } from "./pipeline.ts";
import { createReservationHandlers } from "./reservation-service.ts";
import { createSessionHandlers } from "./session-service.ts";
import { createTicketHandlers } from "./ticket-service.ts";

/** Every public method, ready to be called. */
export type Routes = Map<DescMethodUnary, Invoke<DescMethodUnary>>;

/** Puts all handlers behind the pipeline. */
export function createRoutes(options: {
  pipeline: Pipeline;
  sessions: SessionOpener;
  backends: Backends;
  batcher: ReservationBatcher;
  notes: SoldOutNotes;
}): Routes {
  const { pipeline, sessions, backends, batcher, notes } = options;
  const routes: Routes = new Map();
  const add = <S extends DescService>(service: S, handlers: EdgeHandlers<S>) => {
    for (const method of service.methods) {
      if (!isUnary(method)) throw new Error(`${method.parent.typeName}.${method.name} is not unary`);
      const handler = handlers[method.localName as keyof typeof handlers] as unknown as EdgeHandler<DescMethodUnary>;
      routes.set(method, pipeline(method, handler));
    }
  };
  add(SessionService, createSessionHandlers(sessions));
  add(EventService, createEventHandlers(backends));
  add(ReservationService, createReservationHandlers({ backends, batcher, notes }));
  add(TicketService, createTicketHandlers(backends));
  add(OperationsService, createOperationsHandlers(backends));
  return routes;
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}
