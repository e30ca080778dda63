// Inventory for this service's tests: a real gRPC server that keeps holds as faithfully as a booking's life needs.

import { create, toBinary } from "@bufbuild/protobuf";
import { durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { InventoryService, RefusalReason, type Refusal } from "#stubs";
import { implement, startGrpcServer, type GrpcServer } from "#shared/grpc-server";
import { createLogger } from "#shared/logger";
import { createMetrics } from "#shared/metrics";
import { createRefusal } from "#shared/refusal";
import {
  HoldOutcomeSchema,
  HoldSeatsRequestSchema,
  HoldState,
  ReleaseHoldsRequestSchema,
  type HoldCommand,
  type HoldKey,
  type HoldOutcome,
  type ReleaseCommand,
} from "#gen/boxoffice/inventory/v1/inventory";
import { createHooks, type Hooks } from "./hooks.ts";

type StoredHold = {
  command: HoldCommand;
  /** Number of the first seat, where inventory chose them. */
  firstSeat: number;
  state: HoldState;
  createdAtMs: number;
  expiresAtMs: number;
  capAtMs: number;
  currencyCode: string;
  amountMinor: bigint;
  /** Its seats were kept from sale when it was refunded. */
  blocked?: boolean;
  /** What it owns since a part of it was given back. */
  rest?: { places: number; seats: { row: string; number: number }[] };
};

export type FakeInventory = {
  target: string;
  holds: Map<string, StoredHold>;
  hooks: Hooks;
  /** How the next holds are made. */
  settings: { ttlMs: number; capMs: number; priceMinor: number; placesMax: number; isSaleOver: boolean };
  /** When the refunds of events end, in epoch milliseconds, where that is not in a day. */
  refundEnds: Map<string, number>;
  /** Bytes of each HoldSeats and ReleaseHolds request so far. */
  requestBytes: number[];
  /** Ends a hold now, as its own clock would. */
  lapse(holdId: string): void;
  stateOf(holdId: string): keyof typeof HoldState | undefined;
  stop(): void;
};

/** An area id that this inventory answers with a currency that breaks the reservation's table. */
export const poisonedArea = "poisoned";

export async function startFakeInventory(): Promise<FakeInventory> {
  const holds = new Map<string, StoredHold>();
  const hooks = createHooks();
  const requestBytes: number[] = [];
  // No seat is ever given twice, so that the tickets of an event's bookings never collide.
  const seatsGiven = new Map<string, number>();
  const refundEnds = new Map<string, number>();
  const settings = { ttlMs: 600_000, capMs: 1_500_000, priceMinor: 2_500, placesMax: Infinity, isSaleOver: false };

  function holdOutcome(holdId: string, hold: StoredHold): HoldOutcome {
    const { command, firstSeat, createdAtMs, expiresAtMs, currencyCode, amountMinor, rest } = hold;
    const { eventId, customerId, areaId, selection } = command;
    const seats =
      selection.case === "namedSeats"
        ? selection.value.seats
        : selection.case === "bestAvailable"
          ? Array.from({ length: selection.value.quantity }, (_, index) => ({ row: "A", number: firstSeat + index }))
          : [];
    return create(HoldOutcomeSchema, {
      outcome: {
        case: "hold",
        value: {
          ...{ eventId, holdId, customerId, areaId, seats: rest?.seats ?? seats, state: standing(hold) },
          quantity: rest?.places ?? (selection.case === "generalAdmission" ? selection.value.quantity : seats.length),
          expireTime: timestampFromMs(expiresAtMs),
          unitPrice: { currencyCode, amountMinor },
          createTime: timestampFromMs(createdAtMs),
        },
      },
    });
  }

  function hold(command: HoldCommand): HoldOutcome {
    const known = holds.get(command.holdId);
    if (known) {
      return JSON.stringify(known.command) === JSON.stringify(command)
        ? holdOutcome(command.holdId, known)
        : refused(createRefusal(RefusalReason.IDEMPOTENCY_KEY_REUSED, "another command"));
    }
    if (settings.isSaleOver && !isLatePayer(command)) {
      return refused(createRefusal(RefusalReason.SALE_CLOSED, "the sale is over"));
    }
    const live = [...holds.values()].filter((each) => standing(each) === HoldState.HELD).length;
    if (live >= settings.placesMax) return refused(createRefusal(RefusalReason.SOLD_OUT, "nothing is left"));
    const createdAtMs = Date.now();
    const { eventId, selection } = command;
    const given = seatsGiven.get(eventId) ?? 0;
    if (selection.case === "bestAvailable") seatsGiven.set(eventId, given + selection.value.quantity);
    const made: StoredHold = {
      ...{ command, firstSeat: given + 1, createdAtMs, state: HoldState.HELD },
      expiresAtMs: createdAtMs + settings.ttlMs,
      capAtMs: createdAtMs + settings.capMs,
      currencyCode: command.areaId === poisonedArea ? "poison" : "EUR",
      amountMinor: BigInt(settings.priceMinor),
    };
    holds.set(command.holdId, made);
    return holdOutcome(command.holdId, made);
  }

  function isLatePayer({ replacesHoldId, eventId, customerId }: HoldCommand): boolean {
    const lapsed = holds.get(replacesHoldId);
    return (
      lapsed?.command.eventId === eventId &&
      lapsed.command.customerId === customerId &&
      standing(lapsed) === HoldState.EXPIRED
    );
  }

  const withHold = (key: HoldKey | undefined, use: (hold: StoredHold) => Refusal | undefined): HoldOutcome => {
    const found = holds.get(key?.holdId ?? "");
    if (!found) return refused(createRefusal(RefusalReason.NOT_FOUND, "no such hold"));
    const refusal = use(found);
    return refusal ? refused(refusal) : holdOutcome(found.command.holdId, found);
  };
  const expired = () => createRefusal(RefusalReason.HOLD_EXPIRED, "the hold has ended");

  function release({ key, confirmedToo, keepBlocked, remainder }: ReleaseCommand): HoldOutcome {
    return withHold(key, (found) => {
      const state = standing(found);
      if (state === HoldState.CONFIRMED && !confirmedToo) {
        return createRefusal(RefusalReason.WRONG_STATE, "the hold is confirmed");
      }
      if (state === HoldState.CONFIRMED) {
        if (remainder) found.rest = remainder;
        else found.state = HoldState.REFUNDED;
        found.blocked = keepBlocked;
      }
      if (state === HoldState.HELD) found.state = HoldState.RELEASED;
      return undefined;
    });
  }

  const unimplemented = () => Promise.reject(new ConnectError("not part of this test", Code.Unimplemented));
  const server: GrpcServer = await startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    log: createLogger({ service: "fake-inventory", level: "silent" }),
    metrics: createMetrics(),
    implementations: [
      implement(InventoryService, {
        createEvent: unimplemented,
        publishEvent: unimplemented,
        getEvent: ({ eventId }) =>
          hooks.around("getEvent", () => ({
            event: { eventId, refundUntilTime: timestampFromMs(refundEnds.get(eventId) ?? Date.now() + 86_400_000) },
          })),
        listEvents: unimplemented,
        getAvailability: unimplemented,
        checkInvariants: unimplemented,
        explainHolds: unimplemented,
        explainSeat: unimplemented,
        holdSeats: (request) => {
          requestBytes.push(toBinary(HoldSeatsRequestSchema, request).length);
          return hooks.around("holdSeats", () => ({ outcomes: request.commands.map(hold) }));
        },
        confirmHolds: ({ keys }) =>
          hooks.around("confirmHolds", () => ({
            outcomes: keys.map((key) =>
              withHold(key, (found) => {
                if (standing(found) === HoldState.CONFIRMED) return undefined;
                if (standing(found) !== HoldState.HELD) return expired();
                found.state = HoldState.CONFIRMED;
                return undefined;
              }),
            ),
          })),
        releaseHolds: (request) => {
          requestBytes.push(toBinary(ReleaseHoldsRequestSchema, request).length);
          return hooks.around("releaseHolds", () => ({ outcomes: request.commands.map(release) }));
        },
        extendHolds: ({ commands }) =>
          hooks.around("extendHolds", () => ({
            outcomes: commands.map(({ key, extendBy }) =>
              withHold(key, (found) => {
                if (standing(found) === HoldState.CONFIRMED) return undefined;
                if (standing(found) !== HoldState.HELD) return expired();
                const asked = Math.min(Date.now() + durationMs(extendBy!), found.capAtMs);
                found.expiresAtMs = Math.max(found.expiresAtMs, asked);
                return undefined;
              }),
            ),
          })),
        getHolds: ({ keys }) =>
          hooks.around("getHolds", () => ({ outcomes: keys.map((key) => withHold(key, () => undefined)) })),
      }),
    ],
  });
  return {
    target: `127.0.0.1:${server.port}`,
    holds,
    hooks,
    settings,
    refundEnds,
    requestBytes,
    lapse(holdId) {
      holds.get(holdId)!.expiresAtMs = Date.now() - 1;
    },
    stateOf(holdId) {
      const found = holds.get(holdId);
      return found && (HoldState[standing(found)] as keyof typeof HoldState);
    },
    stop: () => server.abort(),
  };
}

function standing({ state, expiresAtMs }: StoredHold): HoldState {
  return state === HoldState.HELD && expiresAtMs <= Date.now() ? HoldState.EXPIRED : state;
}

function refused(refusal: Refusal): HoldOutcome {
  return create(HoldOutcomeSchema, { outcome: { case: "refusal", value: refusal } });
}
