// What confirmed holds gave back, kept for whoever asks why a seat is where it is.

import type { Transaction } from "#shared/sql";
import type { Hold, HoldRef } from "../domain/hold.ts";

/** Places that a confirmed hold gave back. */
export type Return = HoldRef &
  Pick<Hold, "quantity" | "seats"> & {
    /** Places that it owned afterwards. */
    quantityLeft: number;
    /** They were kept from sale. */
    blocked: boolean;
  };

/** Writes what came back; with the holds themselves, in their transaction. */
export async function insertReturns(tx: Transaction, returns: readonly Return[]): Promise<void> {
  if (returns.length === 0) return;
  await tx`
    insert into inventory.hold_return (event_id, hold_id, quantity_left, quantity, seats, blocked)
    select r.event_id, r.hold_id, r.quantity_left, r.quantity, r.seats::int[], r.blocked = 1
    from unnest(
      ${returns.map((each) => each.eventId)}::uuid[],
      ${returns.map((each) => each.holdId)}::uuid[],
      ${returns.map((each) => each.quantityLeft)}::int[],
      ${returns.map((each) => each.quantity)}::int[],
      ${returns.map((each) => `{${each.seats.join(",")}}`)}::text[],
      ${returns.map((each) => (each.blocked ? 1 : 0))}::int[]
    ) as r (event_id, hold_id, quantity_left, quantity, seats, blocked)`;
}
