// Messages that the faked services answer with.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type RefusalReason } from "#stubs";
import { EventState } from "#gen/boxoffice/inventory/v1/inventory";
import { ReservationState, type ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";
import { createRefusal, type RefusalFacts } from "#shared/refusal";

export const eventId = "01890a5d-ac96-774b-bcce-b302099a8057";
export const reservationId = "01890a5d-ac96-774b-bcce-b302099a8058";

/** A valid request for two seats. */
export const wish = {
  eventId,
  reservationId,
  areaId: "stalls",
  selection: { case: "bestAvailable" as const, value: { quantity: 2 } },
};

/** The same as JSON. */
export const wishJson = { eventId, reservationId, areaId: "stalls", bestAvailable: { quantity: 2 } };

/** A reservation as reservation answers it. */
export function reservationOf(
  fields: {
    reservationId?: string;
    customerId?: string;
    state?: ReservationState;
    refunded?: { currencyCode: string; amountMinor: bigint };
  } = {},
) {
  return {
    eventId,
    reservationId,
    customerId: "guest:1",
    areaId: "stalls",
    state: ReservationState.HELD,
    quantity: 2,
    seats: [
      { row: "A", number: 1 },
      { row: "A", number: 2 },
    ],
    unitPrice: { currencyCode: "EUR", amountMinor: 2_500n },
    createTime: timestampFromMs(1_790_000_000_000),
    holdExpireTime: timestampFromMs(1_790_000_600_000),
    ...fields,
  };
}

/** An outcome that holds. */
export function held(fields: Parameters<typeof reservationOf>[0] = {}) {
  return { outcome: { case: "reservation" as const, value: reservationOf(fields) } };
}

/** An outcome that refuses. */
export function refused(reason: RefusalReason, facts: RefusalFacts = {}, message = "no") {
  return { outcome: { case: "refusal" as const, value: createRefusal(reason, message, facts) } } satisfies Pick<
    ReservationOutcome,
    "outcome"
  >;
}

/** An event as inventory answers it. */
export function eventOf(state = EventState.PUBLISHED) {
  return {
    eventId,
    organiserId: "organiser-1",
    name: "Test Night",
    venue: "Town Hall",
    startTime: timestampFromMs(1_790_000_000_000),
    state,
    areas: [
      {
        areaId: "stalls",
        name: "Stalls",
        price: { currencyCode: "EUR", amountMinor: 2_500n },
        layout: { case: "seated" as const, value: { rows: [{ label: "A", seatCount: 10 }] } },
        capacity: 10,
      },
    ],
  };
}
