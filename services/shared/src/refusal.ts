// Refusals: expected answers that say no. They travel as values inside a service and as messages between services.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { FieldViolationSchema, RefusalReason, type FieldViolation, type Refusal } from "#stubs";

/** Facts beside a refusal's reason. */
export type RefusalFacts = {
  metadata?: Record<string, string>;
  /** Milliseconds after which asking again makes sense. */
  retryAfterMs?: number;
  violations?: Pick<FieldViolation, "field" | "description">[];
};

/** Returns a refusal; `message` is one sentence for people, without personal data. */
export function createRefusal(reason: RefusalReason, message: string, facts: RefusalFacts = {}): Refusal {
  // Not `create`, which costs ten times as much: when an area is sold out, most answers are refusals.
  const refusal: Refusal = {
    $typeName: "boxoffice.common.v1.Refusal",
    reason,
    message,
    metadata: facts.metadata ?? {},
    violations: (facts.violations ?? []).map((violation) => create(FieldViolationSchema, violation)),
  };
  if (facts.retryAfterMs !== undefined) refusal.retryAfter = durationFromMs(facts.retryAfterMs);
  return refusal;
}

/** Returns the stable upper-case name of a reason, e.g. `SOLD_OUT`. */
export function reasonName(reason: RefusalReason): string {
  return RefusalReason[reason] ?? "UNSPECIFIED";
}
