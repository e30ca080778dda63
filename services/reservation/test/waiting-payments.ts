// What specs of payments that wait for their customer do again and again.

import assert from "node:assert/strict";
import type { Reservation } from "#gen/boxoffice/reservation/v1/reservation";
import { bankPage } from "./fake-payment.ts";
import {
  customerId,
  eventually,
  outcomeOf,
  pay,
  reservationOf,
  reserve,
  stateNow,
  within,
  type Ids,
  type Replica,
  type World,
} from "./world.ts";

/** The token of a card whose bank wants to see the customer. */
export const token = "tok_3ds";

/** Starts two replicas that leave bookings alone which nobody tells them of. */
export async function startTwo(world: World): Promise<[Replica, Replica]> {
  const settings = { RECONCILER_INTERVAL_MS: "60000" };
  return [await world.startReplica(settings), await world.startReplica(settings)];
}

/** Lets the neighbours answer as they do by themselves. */
export function resetNeighbours({ inventory, payment }: World): void {
  inventory.hooks.reset();
  payment.hooks.reset();
  Object.assign(inventory.settings, {
    ...{ ttlMs: 600_000, capMs: 1_500_000, priceMinor: 2_500, placesMax: Infinity, isSaleOver: false },
  });
}

/** Reserves and pays, and returns the booking, which waits for its customer to go to the bank's page. */
export async function beginWaiting(replica: Replica): Promise<Ids> {
  const ids = await reserve(replica);
  const { outcome, paymentId } = await pay(replica, ids, { token });
  assert.equal(outcomeOf(outcome), "PAYING");
  assert.equal(reservationOf(outcome).nextActionUrl, bankPage);
  assert.notEqual(paymentId, "");
  return ids;
}

/** Ends a booking's hold now, as inventory and the booking's own row know it. */
export async function lapseHold({ inventory, database }: World, { reservationId }: Ids): Promise<void> {
  inventory.lapse(reservationId);
  await database.sql`
    update reservation.reservation set hold_expires_at = clock_timestamp() - interval '1 second'
    where reservation_id = ${reservationId}`;
}

/** Returns the booking as it is shown. */
export async function readReservation({ client }: Replica, ids: Ids): Promise<Reservation> {
  const { outcome } = await client.getReservation({ key: { ...ids, customerId } }, within);
  return reservationOf(outcome);
}

/** Waits until the booking stands so. */
export async function isInTime(replica: Replica, ids: Ids, wanted: string): Promise<void> {
  await eventually(
    () => stateNow(replica, ids),
    (state) => state === wanted,
  );
}

/** Returns the promises that a running replica finds broken. */
export async function brokenPromises({ client }: Replica): Promise<{ name: string; examples: string[] }[]> {
  const { reports } = await client.checkInvariants({}, within);
  return reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => ({ name, examples }));
}
