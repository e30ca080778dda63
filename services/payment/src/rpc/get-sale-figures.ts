import type { AreaFigures } from "../store-sales.ts";
import type { Method } from "./context.ts";

/** Reads what the ledger says of an event. */
export const getSaleFigures: Method<"getSaleFigures"> =
  ({ sales }) =>
  async ({ eventId }) => ({ areas: (await sales.figuresOf(eventId.toLowerCase())).map(figuresMessage) });

function figuresMessage({ areaId, currencyCode, ...figures }: AreaFigures) {
  return {
    ...{ areaId, currencyCode },
    revenueMinor: BigInt(figures.revenueMinor),
    refundsMinor: BigInt(figures.refundsMinor),
    owedMinor: BigInt(figures.owedMinor),
    returnedMinor: BigInt(figures.returnedMinor),
    feesMinor: BigInt(figures.feesMinor),
    chargebacksMinor: BigInt(figures.chargebacksMinor),
    inFlightMinor: BigInt(figures.inFlightMinor),
  };
}
