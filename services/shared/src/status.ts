// The one file, besides rpc/, that knows status codes: how refusals and faults look on the wire.
// Source of the table: docs/architecture.md, "Errors"; details as in google/rpc/error_details.proto.

import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason, type Refusal } from "#stubs";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details";
import { BatcherClosedError, CallerGoneError, QueueFullError, TooLateError } from "./batcher.ts";
import { createRefusal, reasonName } from "./refusal.ts";
import { isIoError, isUnstorableText } from "./sql.ts";

const codeOfReason: Record<RefusalReason, Code> = {
  [RefusalReason.UNSPECIFIED]: Code.Internal,
  [RefusalReason.INVALID_ARGUMENT]: Code.InvalidArgument,
  [RefusalReason.NOT_FOUND]: Code.NotFound,
  [RefusalReason.SEATS_UNAVAILABLE]: Code.FailedPrecondition,
  [RefusalReason.SOLD_OUT]: Code.FailedPrecondition,
  [RefusalReason.SALE_NOT_OPEN]: Code.FailedPrecondition,
  [RefusalReason.SALE_CLOSED]: Code.FailedPrecondition,
  [RefusalReason.CUSTOMER_LIMIT]: Code.FailedPrecondition,
  [RefusalReason.HOLD_EXPIRED]: Code.FailedPrecondition,
  [RefusalReason.PAYMENT_DECLINED]: Code.FailedPrecondition,
  [RefusalReason.WRONG_STATE]: Code.FailedPrecondition,
  [RefusalReason.NOT_ADMITTED]: Code.FailedPrecondition,
  [RefusalReason.REFUND_NOT_ALLOWED]: Code.FailedPrecondition,
  [RefusalReason.REFUND_EXCEEDS_PAYMENT]: Code.FailedPrecondition,
  [RefusalReason.IDEMPOTENCY_KEY_REUSED]: Code.AlreadyExists,
  [RefusalReason.IN_PROGRESS]: Code.Aborted,
  [RefusalReason.RATE_LIMITED]: Code.ResourceExhausted,
  [RefusalReason.OVERLOADED]: Code.ResourceExhausted,
  [RefusalReason.INTERNAL]: Code.Internal,
};

/** Returns the error that a refusal becomes at the edge: code, ErrorInfo (domain `boxoffice`), RetryInfo, BadRequest. */
export function errorFromRefusal(refusal: Refusal): ConnectError {
  const error = new ConnectError(refusal.message, codeOfReason[refusal.reason]);
  error.details.push({
    desc: ErrorInfoSchema,
    value: { reason: reasonName(refusal.reason), domain: "boxoffice", metadata: refusal.metadata },
  });
  if (refusal.retryAfter) error.details.push({ desc: RetryInfoSchema, value: { retryDelay: refusal.retryAfter } });
  if (refusal.violations.length > 0) {
    error.details.push({
      desc: BadRequestSchema,
      value: { fieldViolations: refusal.violations.map(({ field, description }) => ({ field, description })) },
    });
  }
  return error;
}

/** Returns the error for a call whose outcome is not known: the caller asks again with the same key. */
export function unknownOutcomeError(cause: unknown): ConnectError {
  return new ConnectError(
    "the outcome is not known: ask again with the same key",
    Code.Unavailable,
    undefined,
    undefined,
    cause,
  );
}

/**
 * Returns the error that a caller sees for whatever was thrown. A ConnectError stands as it is. Work that was never
 * started is OVERLOADED, DEADLINE_EXCEEDED or UNAVAILABLE; a text that can't be stored is INVALID_ARGUMENT; failed I/O is
 * UNAVAILABLE, since it may have taken effect; the rest is INTERNAL and says nothing of its cause.
 */
export function errorFromThrown(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  if (thrown instanceof QueueFullError || thrown instanceof TooLateError) {
    return errorFromRefusal(
      createRefusal(RefusalReason.OVERLOADED, "too much work is waiting", { retryAfterMs: 1_000 }),
    );
  }
  if (isUnstorableText(thrown)) {
    return errorFromRefusal(createRefusal(RefusalReason.INVALID_ARGUMENT, "a text must not contain the character NUL"));
  }
  if (thrown instanceof CallerGoneError) return new ConnectError("the deadline has passed", Code.DeadlineExceeded);
  if (thrown instanceof BatcherClosedError || isIoError(thrown)) return unknownOutcomeError(thrown);
  return new ConnectError("internal error", Code.Internal, undefined, undefined, thrown);
}
