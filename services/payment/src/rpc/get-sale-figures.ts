import type { Method } from "./context.ts";

/** Reads what the ledger says of an event. */
export const getSaleFigures: Method<"getSaleFigures"> =
  ({ sales }) =>
  async ({ eventId }) => {
    const areas = await sales.figuresOf(eventId.toLowerCase());
    return {
      areas: areas.map(
        ({ areaId, currencyCode, revenueMinor, refundsMinor, returnedMinor, feesMinor, inFlightMinor }) => ({
          areaId,
          currencyCode,
          revenueMinor: BigInt(revenueMinor),
          refundsMinor: BigInt(refundsMinor),
          returnedMinor: BigInt(returnedMinor),
          feesMinor: BigInt(feesMinor),
          inFlightMinor: BigInt(inFlightMinor),
        }),
      ),
    };
  };
