import type { ConnectError } from "@connectrpc/connect";
import { RefusalReason, type Refusal } from "#stubs";
import type { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import type { CreateCommand, ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";
import { prepareError } from "../http/prepared-errors.ts";
import type { SoldOutNotes } from "../overload/sold-out-notes.ts";
import type { ReservationBatcher } from "../reservation-batcher.ts";
import { deadlineError, edgeErrorFromRefusal } from "./errors.ts";
import { customerOf } from "./handler-call.ts";
import type { EdgeHandler, HandlerCall } from "./pipeline.ts";
import { edgeReservationOf } from "./reservation-message.ts";

const $typeName = "boxoffice.reservation.v1.CreateCommand";

/** Returns the handler of CreateReservation, the hottest method: it shares its call with whoever asks at the same moment. */
export function createCreateReservation(options: {
  batcher: ReservationBatcher;
  notes: SoldOutNotes;
}): EdgeHandler<(typeof ReservationService)["method"]["createReservation"]> {
  const { batcher, notes } = options;
  const errorOf = createErrors();
  return async ({ eventId, reservationId, areaId, selection, firstAttempt }, call) => {
    const customerId = customerOf(call);
    // Written out: `create` would look every field up in the schema first.
    const command: CreateCommand = { $typeName, eventId, reservationId, customerId, areaId, selection };
    const noted = firstAttempt ? notes.refusalOf(command, performance.now()) : undefined;
    if (noted) throw errorOf(noted);
    return { reservation: edgeReservationOf(await outcomeOf(batcher, command, call), errorOf) };
  };
}

// A batch runs until the latest deadline in it; nobody shall wait longer than they said because of a patient neighbour.
function outcomeOf(
  batcher: ReservationBatcher,
  command: CreateCommand,
  call: HandlerCall,
): Promise<ReservationOutcome> {
  const { deadlineAtMs, caller } = call;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(deadlineError()), Math.max(0, deadlineAtMs - Date.now()));
    batcher.submit(command, { deadlineAtMs, isGone: caller.isGone }).then(
      (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** At most as many as numbers of seats that can be too few. */
const errorsMax = 64;

// The refusals of SOLD_OUT differ in how many seats are left, and most of a rush hears the same one: it is made once.
function createErrors(): (refusal: Refusal) => ConnectError {
  const errors = new Map<string, ConnectError>();
  return (refusal) => {
    if (refusal.reason !== RefusalReason.SOLD_OUT) return edgeErrorFromRefusal(refusal);
    const key = `${refusal.message} ${JSON.stringify(refusal.metadata)}`;
    const known = errors.get(key);
    if (known) return known;
    const error = prepareError(edgeErrorFromRefusal(refusal));
    if (errors.size < errorsMax) errors.set(key, error);
    return error;
  };
}
