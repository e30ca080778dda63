import { create } from "@bufbuild/protobuf";
import type { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import { CreateCommandSchema } from "#gen/boxoffice/reservation/v1/reservation";
import type { ReservationBatcher } from "../reservation-batcher.ts";
import { deadlineError } from "./errors.ts";
import { customerOf } from "./handler-call.ts";
import type { EdgeHandler } from "./pipeline.ts";
import { edgeReservationOf } from "./reservation-message.ts";

/** Returns the handler of CreateReservation, the hottest method: it shares its call with whoever asks at the same moment. */
export function createCreateReservation(
  batcher: ReservationBatcher,
): EdgeHandler<(typeof ReservationService)["method"]["createReservation"]> {
  return async ({ eventId, reservationId, areaId, selection }, call) => {
    const customerId = customerOf(call);
    const command = create(CreateCommandSchema, { eventId, reservationId, customerId, areaId, selection });
    const submitted = batcher.submit(command, { deadlineAtMs: call.deadlineAtMs, isGone: call.isGone });
    const outcome = await before(call.deadlineAtMs, submitted);
    return { reservation: edgeReservationOf(outcome) };
  };
}

// A batch runs until the latest deadline in it; nobody shall wait longer than they said because of a patient neighbour.
async function before<T>(deadlineAtMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(deadlineError()), Math.max(0, deadlineAtMs - Date.now()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
