// Validation from the rules in the protos (protovalidate), the same at the edge and in the services.

import { createValidator } from "@bufbuild/protovalidate";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { RefusalReason, type Refusal } from "#stubs";
import { createRefusal } from "./refusal.ts";

// The protos' patterns are ours, anchored and free of nested repetition, so the platform's RegExp is safe here; it is
// many times faster than the RE2 port that the library falls back to.
const patterns = new Map<string, RegExp>();
const validator = createValidator({
  regexMatch: (pattern, against) => {
    let compiled = patterns.get(pattern);
    if (!compiled) patterns.set(pattern, (compiled = new RegExp(pattern, "u")));
    return compiled.test(against);
  },
});

/** Returns what is wrong with a message, or undefined. Throws only when a proto's own rule can't be compiled. */
export function invalidArgument<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): Refusal | undefined {
  const result = validator.validate(schema, message);
  switch (result.kind) {
    case "valid":
      return undefined;
    case "error":
      throw result.error;
    case "invalid":
      return refuseFields(
        result.violations.map((violation) => ({
          field: pathToString(violation.field),
          description: violation.message,
        })),
      );
  }
}

/** Returns an INVALID_ARGUMENT refusal that names the fields. */
export function refuseFields(violations: { field: string; description: string }[]): Refusal {
  const words = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return createRefusal(RefusalReason.INVALID_ARGUMENT, words.slice(0, 1000), { violations });
}
