// Generates the functions that write and read a planned message's JSON.

import { ScalarType, type DescEnum, type DescField } from "@bufbuild/protobuf";
import { zeroMessage } from "./binary.ts";
import { hasPresence, sortedFields, type Plan, type PlannedMessage } from "./plan.ts";
import { bail } from "./wire.ts";

const timestamp = "google.protobuf.Timestamp";
const duration = "google.protobuf.Duration";

/** Returns the source of `toJson<id>(m)`, which takes what `create` takes and returns text. */
export function jsonWriter(plan: Plan, { desc, id }: PlannedMessage): string {
  if (desc.typeName === timestamp) return `function toJson${id}(m) { return timestampJson(m.seconds, m.nanos); }`;
  if (desc.typeName === duration) return `function toJson${id}() { bail(); }`;
  const fields = sortedFields(desc).map((field) => writeField(plan, field));
  return `function toJson${id}(m) { let v, json = "", comma = "{"; ${fields.join("\n")}
    return json === "" ? "{}" : json + "}"; }`;
}

/** Returns the source of `fromJson<id>(o, seen)`, which returns a message and counts the keys that it met in `seen`. */
export function jsonReader(plan: Plan, { desc, id }: PlannedMessage): string {
  if (desc.typeName === timestamp || desc.typeName === duration) return `function fromJson${id}() { bail(); }`;
  const cases = desc.fields.map((field) => readField(plan, field)).join("\n");
  return `function fromJson${id}(o, seen) {
    if (o === null || typeof o !== "object" || Array.isArray(o)) bail();
    const m = ${zeroMessage(desc)};
    for (const key of Object.keys(o)) { seen.keys += 1; const v = o[key]; switch (key) { ${cases} default: bail(); } }
    return m;
  }`;
}

/** Returns a string as JSON. */
export function stringJson(text: string): string {
  if (typeof text !== "string") bail();
  if (text.length > 64) return JSON.stringify(text);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return JSON.stringify(text);
  }
  return `"${text}"`;
}

const fewestSeconds = -62_135_596_800n;
const mostSeconds = 253_402_300_799n;

/** Returns a Timestamp as JSON: RFC 3339 with 0, 3, 6 or 9 digits of the second. */
export function timestampJson(seconds: bigint | undefined = 0n, nanos = 0): string {
  if (seconds < fewestSeconds || seconds > mostSeconds || nanos < 0 || nanos > 999_999_999) bail();
  const date = new Date(Number(seconds) * 1_000 + (nanos - (nanos % 1_000_000)) / 1_000_000).toISOString();
  if (nanos === 0) return `"${date.slice(0, -5)}Z"`;
  const below = nanos % 1_000_000;
  if (below === 0) return `"${date}"`;
  const digits = below % 1_000 === 0 ? String(below / 1_000).padStart(3, "0") : String(below).padStart(6, "0");
  return `"${date.slice(0, -1)}${digits}Z"`;
}

const plainInteger = /^(?:0|-?[1-9]\d{0,17})$/;

/** Returns the 64-bit integer that JSON means. */
export function int64FromJson(value: unknown): bigint {
  return typeof value === "string" && plainInteger.test(value) ? BigInt(value) : bail();
}

/**
 * Returns what a text means, or bails where a compiled reader could judge it otherwise than the library: `seen` counts the
 * keys that the reader met, and a key that was given twice, which JSON.parse hides, leaves more colons than keys.
 */
export function assertPlain(text: string, seen: { keys: number }): void {
  let colons = 0;
  for (let at = text.indexOf(":"); at >= 0; at = text.indexOf(":", at + 1)) colons += 1;
  if (colons !== seen.keys || text.includes("\\")) bail();
}

function writeField(plan: Plan, field: DescField): string {
  const local = JSON.stringify(field.localName);
  const name = JSON.stringify(field.jsonName);
  const put = (value: string) => `json += comma + ${JSON.stringify(`${name}:`)} + ${value}; comma = ",";`;
  if (field.oneof) {
    const member = `m[${JSON.stringify(field.oneof.localName)}]`;
    return `if (${member}?.case === ${local}) { v = ${member}.value; ${put(valueJson(plan, field, "v"))} }`;
  }
  const get = `v = m[${local}];`;
  if (field.fieldKind === "list") {
    return `${get} { let items = ""; if (v != null) for (const item of v)
      items += (items === "" ? "" : ",") + ${valueJson(plan, field, "item")};
      ${put(`"[" + items + "]"`)} }`;
  }
  if (field.fieldKind === "map") {
    return `${get} { let items = ""; if (v != null) for (const key of Object.keys(v))
      items += (items === "" ? "" : ",") + stringJson(key) + ":" + stringJson(v[key]);
      ${put(`"{" + items + "}"`)} }`;
  }
  if (hasPresence(field)) return `${get} if (v != null) { ${put(valueJson(plan, field, "v"))} }`;
  return `${get} ${put(`(v == null ? ${JSON.stringify(zeroJson(field))} : ${valueJson(plan, field, "v")})`)}`;
}

function zeroJson(field: DescField): string {
  if (field.enum) return JSON.stringify(field.enum.values[0]!.name);
  switch (field.scalar) {
    case ScalarType.BOOL:
      return "false";
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return "0";
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return '"0"';
    default:
      return '""';
  }
}

function valueJson(plan: Plan, field: DescField, value: string): string {
  if (field.message) return `toJson${plan.get(field.message)!.id}(${value})`;
  if (field.enum) return `(${JSON.stringify(enumNames(field.enum))}[${value}] ?? ${value})`;
  switch (field.scalar) {
    case ScalarType.STRING:
      return `stringJson(${value})`;
    case ScalarType.BYTES:
      return `('"' + Buffer.from(${value}).toString("base64") + '"')`;
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return `('"' + ${value} + '"')`;
    default:
      return `${value}`;
  }
}

function enumNames({ values }: DescEnum): Record<number, string> {
  return Object.fromEntries(values.map(({ number, name }) => [number, JSON.stringify(name)]));
}

function readField(plan: Plan, field: DescField): string {
  const member = `m[${JSON.stringify(field.localName)}]`;
  // Only the one name. The field's proto name, which the library takes as well, is rare.
  const label = `case ${JSON.stringify(field.jsonName)}:`;
  if (field.oneof) {
    const oneof = `m[${JSON.stringify(field.oneof.localName)}]`;
    const value = `{ case: ${JSON.stringify(field.localName)}, value: ${valueFromJson(plan, field, "v")} }`;
    return `${label} if (${oneof}.case !== undefined) bail(); ${oneof} = ${value}; break;`;
  }
  switch (field.fieldKind) {
    case "list":
      return `${label} if (!Array.isArray(v)) bail();
        for (const item of v) ${member}.push(${valueFromJson(plan, field, "item")}); break;`;
    case "map":
      return `${label} bail();`;
    default:
      return `${label} ${member} = ${valueFromJson(plan, field, "v")}; break;`;
  }
}

function valueFromJson(plan: Plan, field: DescField, value: string): string {
  if (field.message) return `fromJson${plan.get(field.message)!.id}(${value}, seen)`;
  if (field.enum) {
    const numbers = Object.fromEntries(field.enum.values.map(({ number, name }) => [name, number]));
    return `(typeof ${value} === "string" ? ({"__proto__":null,${JSON.stringify(numbers).slice(1)}[${value}] ?? bail()) : bail())`;
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return `(typeof ${value} === "string" ? ${value} : bail())`;
    case ScalarType.BOOL:
      return `(typeof ${value} === "boolean" ? ${value} : bail())`;
    case ScalarType.INT32:
      return `(typeof ${value} === "number" && (${value} | 0) === ${value} ? ${value} : bail())`;
    case ScalarType.INT64:
      return `int64FromJson(${value})`;
    default:
      return `bail()`;
  }
}
