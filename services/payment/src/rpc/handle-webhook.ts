import type { MessageInitShape } from "@bufbuild/protobuf";
import { RefusalReason, type Refusal } from "#stubs";
import type { HandleWebhookResponseSchema } from "#gen/boxoffice/payment/v1/payment";
import { assertNever } from "#shared/assert-never";
import { createRefusal } from "#shared/refusal";
import type { WebhookOutcome } from "../webhooks.ts";
import type { Method } from "./context.ts";

/** Takes a provider's webhook. */
export const handleWebhook: Method<"handleWebhook"> =
  ({ webhooks }) =>
  async ({ provider, body, signature }, call) =>
    messageOf(await webhooks({ provider, body, signature }, call));

function messageOf(outcome: WebhookOutcome): MessageInitShape<typeof HandleWebhookResponseSchema> {
  switch (outcome.kind) {
    case "accepted": {
      const { isRepeat, payment } = outcome;
      const about = payment?.order && { eventId: payment.eventId, reservationId: payment.order.reservationId };
      return { outcome: { case: "accepted", value: { isRepeat, ...about } } };
    }
    case "unknownProvider":
      return refused(createRefusal(RefusalReason.NOT_FOUND, "there is no such provider"));
    case "refused": {
      const what = outcome.why === "senseless" ? "the webhook makes no sense" : "the signature is wrong or too old";
      return refused(createRefusal(RefusalReason.INVALID_ARGUMENT, what));
    }
    case "notProcessed":
      return refused(createRefusal(RefusalReason.IN_PROGRESS, "not processed: send it again", { retryAfterMs: 1_000 }));
    case "overloaded":
      return refused(createRefusal(RefusalReason.OVERLOADED, "too much is under way", { retryAfterMs: 1_000 }));
    default:
      return assertNever(outcome);
  }
}

function refused(refusal: Refusal): MessageInitShape<typeof HandleWebhookResponseSchema> {
  return { outcome: { case: "refusal", value: refusal } };
}
