import { StoryService } from "#stubs";
import type { Handler } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import { storyMessage } from "#shared/story";
import type { ReservationService } from "#gen/boxoffice/reservation/v1/reservation";
import { isFree } from "../domain/booking.ts";
import type { BookingHistory } from "../domain/booking-history.ts";
import { bookingStory } from "../domain/booking-story.ts";
import { readHistories } from "../store/read-histories.ts";

/** Returns the handler of ExplainReservations. */
export function explainReservations({
  sql,
}: {
  sql: Sql;
}): Handler<(typeof ReservationService)["method"]["explainReservations"]> {
  return async ({ eventId, reservationIds }) => {
    const histories = await readHistories(sql, {
      eventId: eventId.toLowerCase(),
      reservationIds: reservationIds.map((reservationId) => reservationId.toLowerCase()),
    });
    return { stories: histories.map(reservationStory) };
  };
}

function reservationStory(history: BookingHistory) {
  return {
    story: storyMessage(StoryService.RESERVATION, bookingStory(history)),
    paymentIds: isFree(history.booking) ? [] : history.attempts.map(({ paymentId }) => paymentId),
    holdId: history.booking.holdId,
  };
}
