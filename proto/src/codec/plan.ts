// Which messages can be compiled: all that a message contains, in an order, or none. What is not in here (groups, floats,
// wrappers, Any, recursion) is rare in the messages of a rush, and the library does it.

import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";

/** A message to compile: its functions in generated code carry `id` in their names. */
export type PlannedMessage = { desc: DescMessage; id: number };

/** The messages that one of them needs, by descriptor; itself first. */
export type Plan = ReadonlyMap<DescMessage, PlannedMessage>;

const scalars = new Set([
  ScalarType.STRING,
  ScalarType.BOOL,
  ScalarType.BYTES,
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.INT64,
  ScalarType.UINT64,
]);
const ownJson = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration"]);
const editionProto3 = 999;

/** Returns what has to be compiled for a message, or undefined when a part of it can't be. */
export function planOf(root: DescMessage): Plan | undefined {
  const plan = new Map<DescMessage, PlannedMessage>();
  return visit(root, plan, new Set()) ? plan : undefined;
}

/** True for a field that is told apart from its zero value: it is undefined, and not written, where it is not set. */
export function hasPresence(field: DescField): boolean {
  return field.fieldKind === "message" || field.proto.proto3Optional;
}

/** Returns a message's fields in the order of their numbers, which is the order in which they are written. */
export function sortedFields(desc: DescMessage): DescField[] {
  return [...desc.fields].sort((a, b) => a.number - b.number);
}

function visit(desc: DescMessage, plan: Map<DescMessage, PlannedMessage>, above: Set<DescMessage>): boolean {
  if (above.has(desc)) return false;
  if (plan.has(desc)) return true;
  if ((desc.file.edition as number) !== editionProto3) return false;
  if (desc.typeName.startsWith("google.protobuf.") && !ownJson.has(desc.typeName)) return false;
  plan.set(desc, { desc, id: plan.size });
  const around = new Set(above).add(desc);
  return desc.fields.every((field) => {
    const message = messageOf(field);
    return isSupported(field) && (message === undefined || visit(message, plan, around));
  });
}

function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === "map" || field.fieldKind === "list" || field.fieldKind === "message"
    ? field.message
    : undefined;
}

function isSupported(field: DescField): boolean {
  switch (field.fieldKind) {
    case "scalar":
      return scalars.has(field.scalar) && !field.longAsString;
    case "enum":
      return field.enum.open;
    case "message":
      return !field.delimitedEncoding;
    case "list":
      if (field.listKind === "scalar") return scalars.has(field.scalar) && !field.longAsString;
      return field.listKind === "enum" ? field.enum.open : !field.delimitedEncoding;
    case "map":
      // Of strings to strings: what refusals carry.
      return field.mapKey === ScalarType.STRING && field.mapKind === "scalar" && field.scalar === ScalarType.STRING;
  }
}
