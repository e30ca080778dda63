// How an event sells: counts from inventory, money from the ledger, and whether the two agree.
//
// A sale goes on while it is looked at, and the two are read one after the other: the ledger, the seats, the ledger again.
// Seats are sold before their money is captured, and freed after it was refunded. So whatever happened in between, the money
// of the sold seats lies between what had been kept before and what may be kept after, and in a quiet moment both are the
// same. Only the moments between a refund and the freeing of its seats fall outside: what seems wrong is looked at again.

import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AreaSaleSchema, OperationsService } from "#gen/boxoffice/edge/v1/operations";
import type { Area, AreaAvailability } from "#gen/boxoffice/inventory/v1/inventory";
import type { AreaFigures } from "#gen/boxoffice/payment/v1/payment";
import type { Backends } from "../backends.ts";
import { boundsOf } from "./handler-call.ts";
import type { EdgeHandler } from "./pipeline.ts";

type AreaSale = MessageInitShape<typeof AreaSaleSchema> & { agrees: boolean };
type Figures = Omit<AreaFigures, "$typeName" | "$unknown" | "areaId" | "currencyCode">;
/** What was read, in this order. */
type Look = {
  areas: readonly Area[];
  before: readonly AreaFigures[];
  seats: readonly AreaAvailability[];
  after: readonly AreaFigures[];
};

const looksMax = 3;
const lookPauseMs = 250;
const nothing: Figures = {
  revenueMinor: 0n,
  refundsMinor: 0n,
  returnedMinor: 0n,
  owedMinor: 0n,
  feesMinor: 0n,
  chargebacksMinor: 0n,
  inFlightMinor: 0n,
};

/** Returns the handler of SaleReport. */
export function createSaleReport(
  backends: Pick<Backends, "inventory" | "payment">,
): EdgeHandler<typeof OperationsService.method.saleReport> {
  const { inventory, payment } = backends;
  return async ({ eventId }, call) => {
    const { event } = await inventory.getEvent({ eventId }, boundsOf(call));
    for (let look = 1; ; look += 1) {
      const before = await payment.getSaleFigures({ eventId }, boundsOf(call));
      const seats = await inventory.getAvailability({ eventId, areaIds: [] }, boundsOf(call));
      const after = await payment.getSaleFigures({ eventId }, boundsOf(call));
      const areas = salesFrom({ areas: event!.areas, before: before.areas, seats: seats.areas, after: after.areas });
      const agrees = areas.every((area) => area.agrees);
      const isLate = Date.now() + lookPauseMs >= call.deadlineAtMs;
      if (agrees || look === looksMax || isLate) return { eventId: event!.eventId, agrees, areas };
      await sleep(lookPauseMs);
    }
  };
}

function salesFrom({ areas, before, seats, after }: Look): AreaSale[] {
  const known = areas.map((area) => {
    const { currencyCode, amountMinor } = area.price!;
    const had = figuresOf(before, area.areaId, currencyCode);
    const has = figuresOf(after, area.areaId, currencyCode);
    const counts = seats.find(({ areaId }) => areaId === area.areaId);
    const soldMinor = BigInt(counts?.sold ?? 0) * amountMinor;
    return saleOf(
      { areaId: area.areaId, currencyCode, counts, figures: has },
      {
        agrees:
          had.revenueMinor - has.returnedMinor <= soldMinor &&
          soldMinor <= has.revenueMinor + has.inFlightMinor - had.returnedMinor,
      },
    );
  });
  // Of no area of the event, or not in its currency: no seats stand against it.
  const isKnown = (figures: AreaFigures) =>
    areas.some(({ areaId, price }) => areaId === figures.areaId && price!.currencyCode === figures.currencyCode);
  const others = after
    .filter((figures) => !isKnown(figures))
    .map((figures) =>
      saleOf({ ...figures, figures, counts: undefined }, { agrees: figures.revenueMinor === figures.returnedMinor }),
    );
  return [...known, ...others];
}

function figuresOf(all: readonly AreaFigures[], areaId: string, currencyCode: string): Figures {
  return all.find((each) => each.areaId === areaId && each.currencyCode === currencyCode) ?? nothing;
}

function saleOf(
  area: { areaId: string; currencyCode: string; counts: AreaAvailability | undefined; figures: Figures },
  { agrees }: { agrees: boolean },
): AreaSale {
  const { areaId, currencyCode, counts, figures } = area;
  const money = (amountMinor: bigint) => ({ currencyCode, amountMinor });
  return {
    areaId,
    capacity: counts?.capacity ?? 0,
    free: counts?.free ?? 0,
    held: counts?.held ?? 0,
    sold: counts?.sold ?? 0,
    blocked: counts?.blocked ?? 0,
    revenue: money(figures.revenueMinor),
    refunds: money(figures.refundsMinor),
    refundsOwed: money(figures.owedMinor),
    allowances: money(figures.refundsMinor + figures.owedMinor - figures.returnedMinor),
    fees: money(figures.feesMinor),
    chargebacks: money(figures.chargebacksMinor),
    inFlight: money(figures.inFlightMinor),
    agrees,
  };
}
