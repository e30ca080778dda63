// Validation from the rules in the protos (protovalidate), the same at the edge and in the services.

import { createValidator } from "@bufbuild/protovalidate";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { RefusalReason, type Refusal } from "#stubs";
import { isPlainlyValid } from "./plain-rules.ts";
import { createRefusal } from "./refusal.ts";
import { violationWords } from "./violation-words.ts";

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
  if (isPlainlyValid(schema, message)) return undefined;
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
          description: violationWords(violation),
        })),
      );
  }
}

// In gRPC a refusal travels in a trailer. A large one is worse than cut off: the call hangs, and with it its connection.
const violationsMax = 20;

/** Returns an INVALID_ARGUMENT refusal that names the fields, the first 20 of them. */
export function refuseFields(broken: { field: string; description: string }[]): Refusal {
  const violations = broken.slice(0, violationsMax);
  const words = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return createRefusal(RefusalReason.INVALID_ARGUMENT, words.slice(0, 1000), { violations });
}
