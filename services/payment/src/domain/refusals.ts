// How a command on a payment is refused.

import { RefusalReason, type Refusal } from "#stubs";
import { createRefusal } from "#shared/refusal";
import { stateName, type Payment } from "./payment.ts";

/** Returns the refusal for a payment that is not there. */
export function notFound(): Refusal {
  return createRefusal(RefusalReason.NOT_FOUND, "there is no such payment");
}

/** Returns the refusal for what the payment's state does not allow. */
export function wrongState(payment: Payment): Refusal {
  const state = stateName(payment.state);
  return createRefusal(RefusalReason.WRONG_STATE, `the payment is ${state}`, { metadata: { state } });
}

/** Returns the refusal for a key that is known with another request. */
export function keyReused(field: "payment_id" | "refund_id"): Refusal {
  return createRefusal(RefusalReason.IDEMPOTENCY_KEY_REUSED, `this ${field} is known with another request`);
}

/** Returns the refusal for a refund of nothing: its posting would have no entries. */
export function emptyPart(): Refusal {
  const description = "must give something back";
  return createRefusal(RefusalReason.INVALID_ARGUMENT, `part: ${description}`, {
    violations: [{ field: "part", description }],
  });
}

/** Returns the refusal for work that has to end first. */
export function inProgress(message: string): Refusal {
  return createRefusal(RefusalReason.IN_PROGRESS, message, { retryAfterMs: 1_000 });
}
