// A quick look at a message before protovalidate's thorough one: most messages of a rush are valid, and their few rules are
// of the plainest kinds. It never decides that a message is wrong, and it knows only the rules below: whatever else a proto
// asks for makes it unsure, and then the library judges.

import {
  getOption,
  hasOption,
  isFieldSet,
  ScalarType,
  type DescField,
  type DescMessage,
  type DescOneof,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import * as rules from "#gen/buf/validate/validate";

/** Returns true where a message certainly keeps its rules. */
type Check = (message: never) => boolean;

const checks = new WeakMap<DescMessage, Check>();
const unsure: Check = () => false;
const uuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;

/** Returns true where a message certainly keeps the rules of its proto; false says nothing. */
export function isPlainlyValid(desc: DescMessage, message: Message): boolean {
  return checkOf(desc)(message as never);
}

function checkOf(desc: DescMessage): Check {
  let check = checks.get(desc);
  if (!check) {
    // A message that contains itself meets this while its own check is being made.
    checks.set(desc, unsure);
    checks.set(desc, (check = messageCheck(desc)));
  }
  return check;
}

function messageCheck(desc: DescMessage): Check {
  if (hasOption(desc, rules.message)) return unsure;
  const parts = [...desc.oneofs.map(oneofCheck), ...desc.fields.map(fieldCheck)].filter((part) => part !== undefined);
  return (message) => {
    for (const part of parts) if (!part(message)) return false;
    return true;
  };
}

function oneofCheck(oneof: DescOneof): Check | undefined {
  if (!getOption(oneof, rules.oneof).required) return undefined;
  const name = oneof.localName as never;
  return (message) => (message[name] as { case?: string }).case !== undefined;
}

function fieldCheck(field: DescField): Check | undefined {
  const asked = getOption(field, rules.field);
  if (asked.ignore === rules.Ignore.ALWAYS) return undefined;
  if (asked.cel.length > 0 || asked.celExpression.length > 0) return unsure;
  const value = valueCheck(field, asked);
  const name = field.localName as never;
  if (asked.ignore !== rules.Ignore.UNSPECIFIED) {
    // Of fields that may be left out only the plainest: an empty string is one.
    const isPlainString = field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
    const mayBeLeftOut = asked.ignore === rules.Ignore.IF_ZERO_VALUE && isPlainString;
    if (!mayBeLeftOut || !value || field.oneof || field.proto.proto3Optional || asked.required) return unsure;
    return (message) => message[name] === "" || value(message[name]);
  }
  const { required } = asked;
  if (field.oneof) {
    if (required) return unsure;
    const oneof = field.oneof.localName as never;
    return (
      value &&
      ((message) => {
        const chosen = message[oneof] as { case?: string; value: never };
        return chosen.case !== name || value(chosen.value);
      })
    );
  }
  if (field.fieldKind === "message" || field.proto.proto3Optional) {
    if (!value && !required) return undefined;
    return (message) => (message[name] === undefined ? !required : !value || value(message[name]));
  }
  if (required) return unsure;
  return value && ((message) => value(message[name]));
}

function valueCheck(field: DescField, asked: rules.FieldRules): Check | undefined {
  switch (asked.type.case) {
    case undefined:
      if (field.fieldKind === "message") return checkOf(field.message);
      if (field.fieldKind === "list" && field.listKind === "message") return everyItem(checkOf(field.message));
      return field.fieldKind === "map" ? unsure : undefined;
    case "string":
      return field.fieldKind === "scalar" ? stringCheck(asked.type.value) : unsure;
    case "int32":
      return field.fieldKind === "scalar" ? int32Check(asked.type.value) : unsure;
    case "repeated":
      return field.fieldKind === "list" ? listCheck(field, asked.type.value) : unsure;
    default:
      return unsure;
  }
}

function listCheck(field: DescField & { fieldKind: "list" }, asked: rules.RepeatedRules): Check {
  if (asksMore(rules.RepeatedRulesSchema, asked, ["min_items", "max_items"])) return unsure;
  const most = asked.maxItems === 0n ? Infinity : Number(asked.maxItems);
  const check = field.listKind === "message" ? everyItem(checkOf(field.message)) : undefined;
  return (items: never[]) =>
    items.length >= asked.minItems && items.length <= most && (!check || check(items as never));
}

function everyItem(check: Check): Check {
  return (items: never[]) => items.every(check);
}

function stringCheck(asked: rules.StringRules): Check {
  if (asksMore(rules.StringRulesSchema, asked, ["pattern", "min_len", "max_len", "uuid"])) return unsure;
  const isUuid = asked.wellKnown.case === "uuid" && asked.wellKnown.value;
  const expression = asked.pattern === "" ? undefined : new RegExp(asked.pattern, "u");
  // Lengths count characters, each of which is one or two of a string's units.
  const unitsMin = 2 * Number(asked.minLen) - 1;
  const unitsMax = asked.maxLen === 0n ? Infinity : Number(asked.maxLen);
  return (value: string) =>
    value.length >= unitsMin &&
    value.length <= unitsMax &&
    (!isUuid || uuid.test(value)) &&
    (!expression || expression.test(value));
}

function int32Check(asked: rules.Int32Rules): Check {
  if (asksMore(rules.Int32RulesSchema, asked, ["gte", "lte"])) return unsure;
  const least = asked.greaterThan.value ?? -Infinity;
  const most = asked.lessThan.value ?? Infinity;
  // Bounds that cross mean "outside".
  if (least > most) return unsure;
  return (value: number) => value >= least && value <= most;
}

function asksMore<D extends DescMessage>(schema: D, asked: MessageShape<D>, known: string[]): boolean {
  if ((asked as Message).$unknown?.length) return true;
  return schema.fields.some((field) => isFieldSet(asked, field) && !known.includes(field.name));
}
