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

const noOwner = "It does not have this seat any more.";

/** What a service answered, or that it could not be reached. */
type Answer<T> = { value: T; error?: undefined } | { value?: undefined; error: ConnectError };

/**
 * Returns the story of a reservation, asked for by its id or by that of a hold that has its seats. Throws ConnectError: nobody
 * knows of it, or nobody who might know answers.
 */
export async function explainReservation(
  services: Services,
  { eventId, reservationId }: { eventId: string; reservationId: string },
  call: HandlerCall,
): Promise<StoryInit> {
  const id = reservationId.toLowerCase();
  const explainHolds = (holdIds: string[]) =>
    answerOf(services.inventory.explainHolds({ eventId, holdIds }, partOf(call)));
  const [holds, told] = await Promise.all([explainHolds([id]), readBookings(services, { eventId, ids: [id] }, call)]);
  const booking = told.bookingOf(id);
  // One that was paid late has two holds. Replicas of reservation from before they told of holds leave the hold's id out.
  const otherIds = booking ? [booking.story!.id, booking.holdId].filter((other) => other && other !== id) : [];
  const others = otherIds.length > 0 ? await explainHolds(otherIds) : undefined;
  const known = [...(holds.value?.stories ?? []), ...(others?.value?.stories ?? [])];
  const error = holds.error ?? others?.error;
  if (!booking && known.length === 0) {
    const refusal = createRefusal(RefusalReason.NOT_FOUND, "there is no such reservation");
    throw error ?? told.unreachable ?? edgeErrorFromRefusal(refusal);
  }
  const story = told.storyOf(id, known);
  const gaps = error ? [silent("inventory", "seats and holds")] : [];
  return { ...story, gaps: [...gaps, ...story.gaps] };
}

/**
 * Returns the story of each reservation that these holds of one seat are of, in their order, with all that reservation and
 * payment tell of it, and which of them `ownerHoldId` is of, empty where there is no owner. The other stories' summaries, which
 * are of the reservations as a whole, say that they do not have the seat any more.
 */
export async function explainHolders(
  services: Services,
  { eventId, holds, ownerHoldId }: { eventId: string; holds: readonly Story[]; ownerHoldId: string },
  call: HandlerCall,
): Promise<{ ownerReservationId: string; stories: StoryInit[] }> {
  const told = await readBookings(services, { eventId, ids: holds.map(({ id }) => id) }, call);
  const reservationOf = (holdId: string) => told.bookingOf(holdId)?.story!.id ?? holdId;
  const ownerReservationId = ownerHoldId && reservationOf(ownerHoldId);
  const holders = new Map<string, Story[]>();
  for (const hold of holds) {
    const id = reservationOf(hold.id);
    holders.set(id, [...(holders.get(id) ?? []), hold]);
  }
  return {
    ownerReservationId,
    stories: [...holders].map(([id, holdsOfIt]) => {
      const story = told.storyOf(id, holdsOfIt);
      return id === ownerReservationId ? story : { ...story, summary: `${story.summary} ${noOwner}` };
    }),
  };
}

// What reservation tells of each id, be it a reservation's or a hold's, and payment of the payments.
async function readBookings(
  { reservation, payment }: Services,
  { eventId, ids }: { eventId: string; ids: string[] },
  call: HandlerCall,
) {
  const told = await answerOf(reservation.explainReservations({ eventId, reservationIds: ids }, partOf(call)));
  const bookings = told.value?.stories ?? [];
  const byId = new Map(bookings.flatMap((each) => [each.holdId, each.story!.id].map((id) => [id, each])));
  const paymentIds = bookings.flatMap((each) => each.paymentIds);
  const paid =
    paymentIds.length > 0 ? await answerOf(payment.explainPayments({ eventId, paymentIds }, partOf(call))) : undefined;
  const payments = new Map((paid?.value?.stories ?? []).map((each) => [each.id, each]));

  return {
    unreachable: told.error,
    /** Returns what reservation tells of a reservation or of a hold's. */
    bookingOf: (id: string) => byId.get(id),
    /** Returns the story of a reservation and of its holds, of which there is one at least where it is not known. */
    storyOf(id: string, holds: readonly Story[]): StoryInit & { gaps: string[] } {
      const booking = byId.get(id);
      const parts = [...holds, booking?.story, ...paymentsOf(booking, payments)].filter((part) => part !== undefined);
      return {
        id: booking?.story!.id ?? id,
        summary: booking?.story!.summary ?? orphanSummary(holds[0]!, told.error),
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

// Whoever made the hold did not come to write the booking: the hold lapses, and the same request would find it again.
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
