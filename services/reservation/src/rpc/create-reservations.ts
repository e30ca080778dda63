import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { assertNever } from "#shared/assert-never";
import { BatcherClosedError, CallerGoneError, QueueFullError, type Caller } from "#shared/batcher";
import type { Handler } from "#shared/grpc-server";
import type { Logger } from "#shared/logger";
import { createRefusal } from "#shared/refusal";
import { isContentError, isIoError } from "#shared/sql";
import { errorFromRefusal, unknownOutcomeError } from "#shared/status";
import { invalidArgument, refuseFields } from "#shared/validate";
import {
  CreateCommandSchema,
  type CreateCommand,
  type ReservationService,
} from "#gen/boxoffice/reservation/v1/reservation";
import type { BookingCreator } from "../booking-creator.ts";
import { keyReused, refusalOutcome, reservationOutcome } from "./reservation-message.ts";

type Method = (typeof ReservationService)["method"]["createReservations"];
type Outcome = ReturnType<typeof reservationOutcome> | ReturnType<typeof refusalOutcome>;

const commandsMax = 500;

/** Returns the handler of CreateReservations. */
export function createReservations({ creator, log }: { creator: BookingCreator; log: Logger }): Handler<Method> {
  async function outcomeOf(command: CreateCommand, caller: Caller): Promise<Outcome> {
    const invalid = invalidArgument(CreateCommandSchema, command);
    if (invalid) return refusalOutcome(invalid);
    command.eventId = command.eventId.toLowerCase();
    command.reservationId = command.reservationId.toLowerCase();
    try {
      const created = await creator.create(command, caller);
      switch (created.kind) {
        case "booking":
          return reservationOutcome(created.booking);
        case "refused":
          return refusalOutcome(created.refusal);
        case "keyReused":
          return refusalOutcome(keyReused());
        case "inconsistent":
          return fault(command, "inventory and reservation contradict each other");
        default:
          return assertNever(created);
      }
    } catch (error) {
      // Nothing was started for this item; its neighbours may stand.
      if (error instanceof QueueFullError) return refusalOutcome(overloaded());
      if (isContentError(error)) return fault(command, error);
      throw error;
    }
  }

  function fault({ eventId, reservationId }: CreateCommand, error: unknown): Outcome {
    log.error({ event: "create.item_failed", eventId, reservationId, error });
    return refusalOutcome(createRefusal(RefusalReason.INTERNAL, "this reservation could not be processed"));
  }

  return async ({ commands }, call) => {
    if (commands.length > commandsMax) {
      throw errorFromRefusal(
        refuseFields([{ field: "commands", description: `at most ${commandsMax}, not ${commands.length}` }]),
      );
    }
    try {
      return { outcomes: await Promise.all(commands.map((command) => outcomeOf(command, call))) };
    } catch (error) {
      throw errorFromCreate(error);
    }
  };
}

function overloaded() {
  return createRefusal(RefusalReason.OVERLOADED, "too much work is waiting", { retryAfterMs: 1_000 });
}

// Whatever inventory's failure was, the holds may have been made: that is UNAVAILABLE here, never a refusal. Only what
// says that time or room ran out keeps its own code.
function errorFromCreate(error: unknown): unknown {
  if (error instanceof CallerGoneError || error instanceof BatcherClosedError || isIoError(error)) return error;
  if (!(error instanceof ConnectError)) return error;
  const passes = error.code === Code.DeadlineExceeded || error.code === Code.ResourceExhausted;
  return passes ? error : unknownOutcomeError(error);
}
