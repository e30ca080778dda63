// Why a booking expired, in words: for whoever asks to pay it again, and for its story.

import { assertNever } from "#shared/assert-never";
import { EndReason } from "./booking.ts";

/** Returns why a booking ended unpaid, as a clause; one without a reason is a hold that lapsed. */
export function endReasonWords(reason: EndReason | null): string {
  switch (reason) {
    case EndReason.captureDeclined:
      return "the payment was authorised, but its capture was declined";
    case EndReason.paidTooLate:
      return "it was paid too late, and the seats could not be had any more";
    case EndReason.cancelled:
      return "the customer gave up while the provider waited for them";
    case EndReason.holdLapsed:
    case null:
      return "the hold lapsed before it was paid";
    default:
      return assertNever(reason);
  }
}
