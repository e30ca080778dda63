// Refusals: expected answers that say no. They travel as values inside a service and as messages between services.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { RefusalReason, RefusalSchema, type FieldViolation, type Refusal } from "#stubs";

/** Facts beside a refusal's reason. */
export type RefusalFacts = {
  metadata?: Record<string, string>;
  /** Milliseconds after which asking again makes sense. */
  retryAfterMs?: number;
  violations?: Pick<FieldViolation, "field" | "description">[];
};

/** Returns a refusal; `message` is one sentence for people, without personal data. */
export function createRefusal(reason: RefusalReason, message: string, facts: RefusalFacts = {}): Refusal {
  return create(RefusalSchema, {
    reason,
    message,
    metadata: facts.metadata ?? {},
    violations: facts.violations ?? [],
    ...(facts.retryAfterMs === undefined ? {} : { retryAfter: durationFromMs(facts.retryAfterMs) }),
  });
}

/** Returns the stable upper-case name of a reason, e.g. `SOLD_OUT`. */
export function reasonName(reason: RefusalReason): string {
  return RefusalReason[reason] ?? "UNSPECIFIED";
}
