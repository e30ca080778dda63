// What a caller at the edge is told: refusals with all that belongs to them, faults without a word of their cause.

import { fromBinary, type DescMessage } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason, type Refusal } from "#stubs";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details";
import { errorFromRefusal, errorFromThrown, unknownOutcomeError } from "#shared/status";

const publicDetails = new Map<string, DescMessage>(
  [ErrorInfoSchema, RetryInfoSchema, BadRequestSchema].map((schema) => [schema.typeName, schema]),
);

/** Returns the error that a refusal becomes, with `Retry-After` where it has a time. */
export function edgeErrorFromRefusal(refusal: Refusal): ConnectError {
  if (refusal.reason === RefusalReason.INTERNAL || refusal.reason === RefusalReason.UNSPECIFIED) return internalError();
  const error = errorFromRefusal(refusal);
  if (refusal.retryAfter) setRetryAfter(error, durationMs(refusal.retryAfter));
  return error;
}

/**
 * Returns the error for whatever a handler or the pipeline threw. A ConnectError stands as it is: whoever threw it meant it
 * for the caller. The rest is mapped as in the services.
 */
export function edgeErrorFromThrown(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  const error = errorFromThrown(thrown);
  const retryAfterMs = retryAfterMsOf(error);
  if (retryAfterMs !== undefined) setRetryAfter(error, retryAfterMs);
  return error;
}

/**
 * Returns what a caller is told of another service's error. Refusals, which carry an ErrorInfo of domain `boxoffice`, pass
 * with their details; of faults no more than the code passes. A call that `isRead` changes nothing and has no key: it is to be
 * tried again.
 */
export function edgeErrorFromBackend(error: unknown, { isRead }: { isRead: boolean }): ConnectError {
  if (!(error instanceof ConnectError)) return internalError(error);
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "boxoffice");
  if (info && error.code !== Code.Internal) {
    const refusal = new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
    refusal.details = publicDetailsOf(error);
    const retryAfterMs = retryAfterMsOf(error);
    if (retryAfterMs !== undefined) setRetryAfter(refusal, retryAfterMs);
    return refusal;
  }
  switch (error.code) {
    case Code.Unavailable:
    // A service that ends cuts the calls it did not finish with CANCEL.
    case Code.Canceled:
      return isRead ? faultOf("no answer: try again", Code.Unavailable, error) : unknownOutcomeError(error);
    case Code.DeadlineExceeded:
      return isRead ? faultOf("the deadline has passed: try again", error.code, error) : deadlineError(error);
    default:
      return internalError(error);
  }
}

/** Returns the error of a call that took longer than it may: its outcome is not known. */
export function deadlineError(cause?: unknown): ConnectError {
  const message = "the deadline has passed and the outcome is not known: ask again with the same key";
  return faultOf(message, Code.DeadlineExceeded, cause);
}

/** True for the error of a service that gave no answer, in time or at all. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Unavailable || error.code === Code.DeadlineExceeded);
}

/** Returns the error of a caller without a valid session. */
export function unauthenticated(message: string): ConnectError {
  return new ConnectError(message, Code.Unauthenticated, { "www-authenticate": "Bearer" });
}

/** Returns `Retry-After`: whole seconds, rounded up, since a caller who obeys must not come too early. RFC 9110, 10.2.3. */
export function retryAfterSeconds(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
}

function internalError(cause?: unknown): ConnectError {
  return faultOf("internal error", Code.Internal, cause);
}

function faultOf(message: string, code: Code, cause: unknown): ConnectError {
  return new ConnectError(message, code, undefined, undefined, cause);
}

function setRetryAfter(error: ConnectError, retryAfterMs: number): void {
  error.metadata.set("retry-after", retryAfterSeconds(retryAfterMs));
}

function retryAfterMsOf(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && durationMs(delay);
}

// Details off the wire are decoded and packed anew, so that only known ones go out and JSON clients can read them.
function publicDetailsOf(error: ConnectError): ConnectError["details"] {
  return error.details.flatMap((detail) => {
    if ("desc" in detail) return [detail];
    const desc = publicDetails.get(detail.type);
    return desc ? [{ desc, value: fromBinary(desc, detail.value) as never }] : [];
  });
}
