// One booking from its first request to its last answer, by a known way: so that a fault can strike at a known step.

import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { publishEvent } from "../support/edge.ts";
import type { Ask } from "./ask.ts";
import { cancel, hold, pay, type Booking } from "./booking.ts";
import type { Cast } from "./buyers.ts";

/** A way through the system from the first seat to the last answer. */
export type Story = "hold" | "pay" | "decline" | "lose" | "cancel" | "refund";

/** Publishes an event for one story. */
export async function stageFor(story: Story, cast: Cast): Promise<string> {
  return await publishEvent(cast.organiser, story === "lose" ? { holdTtlMs: 1_000 } : {});
}

/** Plays a story with one booking. Throws where it ends otherwise than it should. */
export async function play(story: Story, booking: Booking, ask: Ask): Promise<void> {
  await hold(booking, ask);
  if (booking.refused !== undefined) throw new Error(`a reservation was refused: ${booking.refused}`);
  const payment = payments[story];
  if (payment) {
    const answer = await pay(booking, ask, payment.token, "story");
    if (answer !== payment.answer)
      throw new Error(`a checkout was answered with ${answer} instead of ${payment.answer}`);
  }
  if (story === "cancel" || story === "refund") await cancel(booking, ask);
  if (booking.state !== undefined && !ends[story].includes(booking.state)) {
    throw new Error(`the story "${story}" ended in ${ReservationState[booking.state]}`);
  }
}

const payments: Partial<Record<Story, { token: string; answer: string }>> = {
  pay: { token: "tok_approve", answer: "CONFIRMED" },
  refund: { token: "tok_approve", answer: "CONFIRMED" },
  decline: { token: "tok_decline", answer: "PAYMENT_DECLINED" },
  // The provider is slower than the hold lasts.
  lose: { token: "tok_slow", answer: "HOLD_EXPIRED" },
};

const ends: Record<Story, ReservationState[]> = {
  hold: [ReservationState.HELD],
  pay: [ReservationState.CONFIRMED],
  decline: [ReservationState.HELD],
  lose: [ReservationState.EXPIRED],
  cancel: [ReservationState.CANCELLED],
  refund: [ReservationState.REFUNDING, ReservationState.REFUNDED],
};
