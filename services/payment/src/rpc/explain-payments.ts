import { StoryService } from "#stubs";
import { storyMessage } from "#shared/story";
import { paymentStory } from "../domain/payment-story.ts";
import type { Method } from "./context.ts";

/** Tells what happened to payments. */
export const explainPayments: Method<"explainPayments"> =
  ({ histories, resumeAfterMs }) =>
  async ({ eventId, paymentIds }) => {
    const payments = await histories.read({
      eventId: eventId.toLowerCase(),
      paymentIds: paymentIds.map((paymentId) => paymentId.toLowerCase()),
    });
    return {
      stories: payments.map((payment) => storyMessage(StoryService.PAYMENT, paymentStory(payment, { resumeAfterMs }))),
    };
  };
