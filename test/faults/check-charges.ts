// What the provider took, less what it gave back, is what is confirmed: of each booking to the cent, and in all.

import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import type { Authorization } from "../../services/payment/src/sandbox/authorization.ts";
import type { Stats } from "../../services/payment/src/sandbox/book.ts";
import type { Booking } from "./booking.ts";
import { inLanes } from "./lanes.ts";
import { paidBackMinor } from "./part-refunds.ts";
import { authorizationOf, providerStats } from "./provider.ts";
import type { FaultStack } from "./stack.ts";

/** A payment of a reservation, and what the provider says of it. */
type Charge = { reservationId: string | null; authorization: Authorization | undefined };

const openStates: (Authorization["status"] | undefined)[] = ["authorized", "requires_action"];

/** Returns what was charged otherwise than it should be; `before` is what the provider had done before these bookings. */
export async function wrongCharges(
  bookings: readonly Booking[],
  { stack, before }: { stack: Pick<FaultStack, "sql" | "sandboxUrl">; before: Stats },
): Promise<string[]> {
  const eventIds = [...new Set(bookings.map(({ wish }) => wish.eventId))];
  const payments = await stack.sql<{ reservationId: string | null; paymentId: string }[]>`
    select reservation_id as "reservationId", payment_id as "paymentId"
    from payment.payment where event_id = any(${eventIds}::uuid[])`;
  const charges = await inLanes(payments, async ({ reservationId, paymentId }): Promise<Charge> => {
    return { reservationId, authorization: await authorizationOf(stack, paymentId) };
  });
  const after = await providerStats(stack);
  const done = {
    authorize: after.authorizations - before.authorizations,
    capture: after.captures - before.captures,
    void: after.voids - before.voids,
    refund: after.refunds - before.refunds,
  };
  return [...disagreements(bookings, charges), ...leftOpen(charges), ...strayCharges(charges, done)];
}

/** Returns for which bookings the provider holds something else than what is confirmed of them. */
export function disagreements(bookings: readonly Booking[], charges: readonly Charge[]): string[] {
  const heldOf = new Map<string | null, bigint>();
  for (const { reservationId, authorization } of charges) {
    heldOf.set(reservationId, (heldOf.get(reservationId) ?? 0n) + heldMinor(authorization));
  }
  const wrong: string[] = [];
  for (const booking of bookings) {
    const { reservationId } = booking.wish;
    const [held, wanted] = [heldOf.get(reservationId) ?? 0n, wantedMinor(booking)];
    if (held !== wanted) wrong.push(`the provider holds ${held} for ${reservationId} instead of ${wanted}`);
    heldOf.delete(reservationId);
  }
  for (const [id, held] of heldOf)
    if (held !== 0n) wrong.push(`the provider holds ${held} for ${id}, which is nobody's`);
  return wrong;
}

/** Returns for which payments the provider still keeps a buyer's money blocked, or may once the buyer has acted. */
export function leftOpen(charges: readonly Charge[]): string[] {
  return charges
    .filter(({ authorization }) => openStates.includes(authorization?.status))
    .map(({ reservationId, authorization }) => `a payment of ${reservationId} was left ${authorization!.status}`);
}

/** Returns what the provider did in all beyond what it did for these payments. */
export function strayCharges(charges: readonly Charge[], done: Authorization["done"]): string[] {
  return (["authorize", "capture", "void", "refund"] as const).flatMap((operation) => {
    const ours = charges.reduce((sum, { authorization }) => sum + (authorization?.done[operation] ?? 0), 0);
    return done[operation] === ours ? [] : [`of ${operation} the provider did ${done[operation]}, ${ours} for us`];
  });
}

function heldMinor(authorization: Authorization | undefined): bigint {
  if (authorization?.status !== "captured" && authorization?.status !== "refunded") return 0n;
  return BigInt(authorization.amount - authorization.refundedAmount);
}

function wantedMinor(booking: Booking): bigint {
  if (booking.state !== ReservationState.CONFIRMED) return 0n;
  return booking.held!.total!.amountMinor - paidBackMinor(booking);
}
