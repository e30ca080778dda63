// Asks each service for its part of what happened, and puts the parts together.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { RefusalReason, type CallOptions, type Story, type StorySchema } from "#stubs";
import type { ReservationStory } from "#gen/boxoffice/reservation/v1/reservation";
import { createRefusal } from "#shared/refusal";
import type { Backends } from "../backends.ts";
import { edgeErrorFromRefusal, isUnreachable } from "./errors.ts";
import { boundsOf } from "./handler-call.ts";
import { mergeEntries } from "./merge-stories.ts";
import type { HandlerCall } from "./pipeline.ts";

type Services = Pick<Backends, "inventory" | "reservation" | "payment">;
type StoryInit = MessageInitShape<typeof StorySchema>;

/** What a service answered, or that it could not be reached. */
type Answer<T> = { value: T; error?: undefined } | { value?: undefined; error: ConnectError };

/** Returns the story of a reservation. Throws ConnectError: nobody knows of it, or nobody who might know answers. */
export async function explainReservation(
  services: Services,
  { eventId, reservationId }: { eventId: string; reservationId: string },
  call: HandlerCall,
): Promise<StoryInit> {
  const id = reservationId.toLowerCase();
  const [holds, stories] = await Promise.all([
    answerOf(services.inventory.explainHolds({ eventId, holdIds: [id] }, partOf(call))),
    completeStories(services, { eventId, ids: [id] }, call),
  ]);
  const story = stories.of(id, holds.value?.stories[0]);
  if (!story) {
    const refusal = createRefusal(RefusalReason.NOT_FOUND, "there is no such reservation");
    throw holds.error ?? stories.unreachable ?? edgeErrorFromRefusal(refusal);
  }
  const gaps = holds.error ? [silent("inventory", "seats and holds")] : [];
  return { ...story, gaps: [...gaps, ...story.gaps] };
}

/** Returns the story of each hold, in order, with all that reservation and payment tell of it. */
export async function explainHolds(
  services: Services,
  { eventId, holds }: { eventId: string; holds: readonly Story[] },
  call: HandlerCall,
): Promise<StoryInit[]> {
  const stories = await completeStories(services, { eventId, ids: holds.map(({ id }) => id) }, call);
  return holds.map((hold) => stories.of(hold.id, hold)!);
}

// What reservation tells of each id, and payment of its payments.
async function completeStories(
  { reservation, payment }: Services,
  { eventId, ids }: { eventId: string; ids: string[] },
  call: HandlerCall,
) {
  const told = await answerOf(reservation.explainReservations({ eventId, reservationIds: ids }, partOf(call)));
  const bookings = new Map((told.value?.stories ?? []).map((each) => [each.story!.id, each]));
  const paymentIds = [...bookings.values()].flatMap((each) => each.paymentIds);
  const paid =
    paymentIds.length > 0 ? await answerOf(payment.explainPayments({ eventId, paymentIds }, partOf(call))) : undefined;
  const payments = new Map((paid?.value?.stories ?? []).map((each) => [each.id, each]));

  return {
    unreachable: told.error,
    /** Returns the story of a reservation and of its hold; undefined where neither is known. */
    of(id: string, hold: Story | undefined): (StoryInit & { gaps: string[] }) | undefined {
      const booking = bookings.get(id);
      if (!booking && !hold) return undefined;
      const parts = [hold, booking?.story, ...paymentsOf(booking, payments)].filter((part) => part !== undefined);
      return {
        id,
        summary: booking?.story?.summary ?? orphanSummary(hold!, told.error),
        entries: mergeEntries(parts),
        next: parts.flatMap(({ next }) => next),
        gaps: [
          ...(told.error ? [silent("reservation", "bookings, payments and tickets")] : []),
          ...(paid?.error ? [silent("payment", "authorisations, captures and refunds")] : []),
          ...parts.flatMap((part) => part.gaps),
        ],
      };
    },
  };
}

function paymentsOf(booking: ReservationStory | undefined, payments: ReadonlyMap<string, Story>): Story[] {
  return (booking?.paymentIds ?? []).flatMap((paymentId) => payments.get(paymentId) ?? []);
}

// Whoever made the hold did not come to write the booking: the hold lapses, and the same request would find it again. Or it
// took the place of another hold, for a booking that was paid late; that one's story names it.
function orphanSummary(hold: Story, unreachable: ConnectError | undefined): string {
  return unreachable ? hold.summary : `${hold.summary} No reservation of this id was written for it.`;
}

function silent(service: string, what: string): string {
  return `${service} did not answer: what it knows of ${what} is missing here.`;
}

// Half of the time that is left, so that one service that hangs leaves enough to tell the rest.
function partOf(call: HandlerCall): CallOptions {
  const { timeoutMs, ...bounds } = boundsOf(call);
  return { ...bounds, timeoutMs: timeoutMs / 2 };
}

async function answerOf<T>(call: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await call };
  } catch (error) {
    if (error instanceof ConnectError && isUnreachable(error)) return { error };
    throw error;
  }
}
