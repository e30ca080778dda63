// Somebody who wants the very seats that another buyer is paying for.

import { setTimeout as sleep } from "node:timers/promises";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { bestOf, type EdgeUser } from "../support/edge.ts";
import type { Ask } from "./ask.ts";
import { hold, newBooking, pay, type Booking } from "./booking.ts";
import type { Bank } from "./provider.ts";

const pauseMs = 50;

/**
 * Asks for as many seats as `booking` holds once its hold has lapsed, again and again until they are given, and pays for them;
 * each wish is added to `others`. Returns the answer to the payment, or `SOLD_OUT` where `booking` was confirmed before that.
 */
export async function buyOnceLapsed(
  booking: Booking,
  { buyer, others, ask, bank }: { buyer: EdgeUser; others: Booking[]; ask: Ask; bank: Bank },
): Promise<string> {
  const { eventId, areaId } = booking.wish;
  const { quantity, holdExpireTime } = booking.held!;
  await sleep(Math.max(0, timestampMs(holdExpireTime!) - Date.now()));
  while (booking.state !== ReservationState.CONFIRMED) {
    const wish = newBooking(buyer, bestOf(eventId, quantity, areaId));
    others.push(wish);
    await hold(wish, ask);
    if (wish.held) return await pay(wish, ask, { token: "tok_approve", key: "rival", bank });
    if (wish.refused !== "SOLD_OUT") throw new Error(`a rival was refused: ${wish.refused}`);
    await sleep(pauseMs);
  }
  return "SOLD_OUT";
}
