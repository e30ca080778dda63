// What specs of refunds do again and again: ask for one, and look at what it paid back and what the booking kept.

import { v7 as uuidv7 } from "uuid";
import type { RefundReservationResponse } from "#gen/boxoffice/reservation/v1/reservation";
import type { Ticket } from "#gen/boxoffice/reservation/v1/ticket";
import { outcomeOf, within, type Ids, type Replica, type World } from "./world.ts";

/** What is to be given back. */
export type Part = { tickets: Ticket[] } | { amount: bigint; currencyCode?: string } | "whole";

/** How it is asked for: under a new id, of everything, its places back on sale, where it does not say otherwise. */
export type Wish = { refundId?: string; reason?: string; keepBlocked?: boolean; part?: Part };

/** Asks for a refund at the organiser's word, under a new id where none is given. */
export function askRefund({ client }: Replica, ids: Ids, wish: Wish = {}): Promise<RefundReservationResponse> {
  const { refundId = uuidv7(), reason = "the show is off", keepBlocked = false, part = "whole" } = wish;
  return client.refundReservation(
    { ...ids, refundId, reason, keepBlocked, requestedBy: "organiser-1", part: partOf(part) },
    within,
  );
}

/** Returns state, amount and whether it is done; or the refusal's reason. */
export function shortOf({ outcome, refund }: RefundReservationResponse): string {
  const state = outcomeOf(outcome);
  return refund ? `${state} ${refund.amount?.amountMinor} ${refund.done ? "done" : "running"}` : state;
}

/** Returns what the refunds of a booking's payment gave back, in minor units, by the refunds' ids. */
export function refundsOf(world: World, ids: Ids): Map<string, bigint> {
  return paymentOf(world, ids).refunds;
}

/** Returns what inventory knows of a booking's hold. */
export function storedHoldOf({ inventory }: World, { reservationId }: Ids) {
  return inventory.holds.get(reservationId)!;
}

function paymentOf({ payment }: World, { reservationId }: Ids) {
  return [...payment.payments.values()].find(({ request }) => request.reservationId === reservationId)!;
}

function partOf(part: Part) {
  if (part === "whole") return { case: undefined };
  return "tickets" in part
    ? { case: "tickets" as const, value: { ticketIds: part.tickets.map(({ ticketId }) => ticketId) } }
    : { case: "amount" as const, value: { currencyCode: part.currencyCode ?? "EUR", amountMinor: part.amount } };
}
