// What a call to a neighbour came to, as a value: the saga treats a lost answer differently from a refused one.

import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason, type Refusal } from "#stubs";
import { createRefusal } from "#shared/refusal";

/** A neighbour's answer about one thing. */
export type Answer<T> =
  | { kind: "known"; value: T }
  | { kind: "refused"; refusal: Refusal }
  /** Whether it took effect can't be told: ask again with the same key. */
  | { kind: "unknown"; error: unknown };

/** The `outcome` of the neighbours' responses, whatever the thing in it is called. */
type WireOutcome = { case: string; value: unknown } | { case?: undefined; value?: undefined } | undefined;

/**
 * Waits for a response and returns its outcome. A malformed request is the one failure that is certain to have changed
 * nothing, so that it counts as refused; every other failed call, and a neighbour's INTERNAL item, is unknown.
 */
export async function answerOf<T>(response: Promise<{ outcome: WireOutcome } | undefined>): Promise<Answer<T>> {
  try {
    const outcome = (await response)?.outcome;
    if (outcome?.case === undefined) return { kind: "unknown", error: new Error("the answer has no outcome") };
    if (outcome.case !== "refusal") return { kind: "known", value: outcome.value as T };
    const refusal = outcome.value as Refusal;
    return isPassing(refusal.reason)
      ? { kind: "unknown", error: new Error(`refused for now: ${RefusalReason[refusal.reason]}`) }
      : { kind: "refused", refusal };
  } catch (error) {
    return error instanceof ConnectError && error.code === Code.InvalidArgument
      ? { kind: "refused", refusal: createRefusal(RefusalReason.INVALID_ARGUMENT, error.rawMessage) }
      : { kind: "unknown", error };
  }
}

function isPassing(reason: RefusalReason): boolean {
  switch (reason) {
    case RefusalReason.INTERNAL:
    case RefusalReason.IN_PROGRESS:
    case RefusalReason.OVERLOADED:
    case RefusalReason.RATE_LIMITED:
      return true;
    default:
      return false;
  }
}
