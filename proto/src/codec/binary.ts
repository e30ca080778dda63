// Generates the functions that write and read a planned message's wire format. What is generated for Money, shortened:
//
//   function write3(w, m) {
//     let v = m.currencyCode; if (v != null && v !== "") { w.uint32(10); w.string(v); }
//   }
//   function read3(r, end) {
//     const m = { $typeName: "…Money", currencyCode: "", units: 0n };
//     while (r.at < end) switch (r.uint32()) { case 10: m.currencyCode = r.string(end); break; default: bail(); }
//     if (r.at !== end) bail();
//     return m;
//   }

import { ScalarType, type DescField } from "@bufbuild/protobuf";
import { hasPresence, sortedFields, type Plan, type PlannedMessage } from "./plan.ts";

const varint = 0;
const delimited = 2;

/** What a type's elements are called and how they are told from zero, in generated code. */
type Element = { method: string; wireType: number; zero: string };

const elements: Partial<Record<ScalarType, Element>> = {
  [ScalarType.STRING]: { method: "string", wireType: delimited, zero: '""' },
  [ScalarType.BYTES]: { method: "bytes", wireType: delimited, zero: "new Uint8Array(0)" },
  [ScalarType.BOOL]: { method: "bool", wireType: varint, zero: "false" },
  [ScalarType.INT32]: { method: "int32", wireType: varint, zero: "0" },
  [ScalarType.UINT32]: { method: "uint32", wireType: varint, zero: "0" },
  [ScalarType.INT64]: { method: "int64", wireType: varint, zero: "0n" },
  [ScalarType.UINT64]: { method: "uint64", wireType: varint, zero: "0n" },
};
const enumElement = elements[ScalarType.INT32]!;

/** Returns the source of `write<id>(w, m)`, which takes what `create` takes. */
export function binaryWriter(plan: Plan, { desc, id }: PlannedMessage): string {
  return `function write${id}(w, m) { let v; if (m.$unknown !== undefined) bail(); ${sortedFields(desc)
    .map((field) => writeField(plan, field))
    .join("\n")} }`;
}

/** Returns the source of `read<id>(r, end)`, which returns a message. */
export function binaryReader(plan: Plan, { desc, id }: PlannedMessage): string {
  const cases = desc.fields.map((field) => readField(plan, field)).join("\n");
  return `function read${id}(r, end) {
    const m = ${zeroMessage(desc)};
    while (r.at < end) switch (r.uint32()) { ${cases} default: bail(); }
    if (r.at !== end) bail();
    return m;
  }`;
}

/** Returns the source of a message without content. */
export function zeroMessage(desc: PlannedMessage["desc"]): string {
  const members = desc.members.flatMap((member) => {
    const name = JSON.stringify(member.localName);
    if (member.kind === "oneof") return [`${name}: { case: undefined }`];
    return hasPresence(member) ? [] : [`${name}: ${zeroOf(member)}`];
  });
  return `{ ${[`$typeName: ${JSON.stringify(desc.typeName)}`, ...members].join(", ")} }`;
}

function zeroOf(field: DescField): string {
  switch (field.fieldKind) {
    case "list":
      return "[]";
    case "map":
      return "{}";
    case "enum":
      return String(field.enum.values[0]!.number);
    case "message":
      return "undefined";
    case "scalar":
      return elements[field.scalar]!.zero;
  }
}

function writeField(plan: Plan, field: DescField): string {
  const name = JSON.stringify(field.localName);
  if (field.oneof) {
    const member = `m[${JSON.stringify(field.oneof.localName)}]`;
    return `if (${member}?.case === ${name}) { v = ${member}.value; ${writeOne(plan, field, "v")} }`;
  }
  const get = `v = m[${name}]; if (v != null`;
  switch (field.fieldKind) {
    case "list":
      return `${get} && v.length > 0) { ${writeList(plan, field)} }`;
    case "map":
      return `${get}) for (const key of Object.keys(v)) {
        w.uint32(${tagOf(field, delimited)}); const at = w.open();
        w.uint32(10); w.string(key); w.uint32(18); w.string(v[key]); w.close(at);
      }`;
    case "message":
      return `${get}) { ${writeOne(plan, field, "v")} }`;
    case "enum":
    case "scalar": {
      if (hasPresence(field)) return `${get}) { ${writeOne(plan, field, "v")} }`;
      const isBytes = field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES;
      return `${get} && ${isBytes ? "v.length > 0" : `v !== ${zeroOf(field)}`}) { ${writeOne(plan, field, "v")} }`;
    }
  }
}

function writeList(plan: Plan, field: DescField & { fieldKind: "list" }): string {
  if (!field.packed) return `for (const item of v) { ${writeOne(plan, field, "item")} }`;
  const { method } = elementOf(field)!;
  return `w.uint32(${tagOf(field, delimited)}); const at = w.open(); for (const item of v) w.${method}(item); w.close(at);`;
}

function writeOne(plan: Plan, field: DescField, value: string): string {
  const element = elementOf(field);
  if (element) return `w.uint32(${tagOf(field, element.wireType)}); w.${element.method}(${value});`;
  const { id } = plan.get(field.message!)!;
  return `w.uint32(${tagOf(field, delimited)}); { const at = w.open(); write${id}(w, ${value}); w.close(at); }`;
}

function readField(plan: Plan, field: DescField): string {
  const member = `m[${JSON.stringify(field.localName)}]`;
  if (field.oneof) {
    const oneof = `m[${JSON.stringify(field.oneof.localName)}]`;
    // A message that comes twice is merged, which is left to the library.
    const guard = field.message ? `if (${oneof}.case !== undefined) bail(); ` : "";
    const value = `{ case: ${JSON.stringify(field.localName)}, value: ${readOne(plan, field)} }`;
    return `case ${tagOf(field)}: ${guard}${oneof} = ${value}; break;`;
  }
  switch (field.fieldKind) {
    case "list":
      return `case ${tagOf(field)}: ${member}.push(${readOne(plan, field)}); break; ${readPacked(field, member)}`;
    case "map":
      return `case ${tagOf(field)}: { const stop = r.stop(end); let key = "", value = "";
        while (r.at < stop) switch (r.uint32()) {
          case 10: key = r.string(stop); break; case 18: value = r.string(stop); break; default: bail(); }
        if (r.at !== stop || key === "__proto__") bail();
        ${member}[key] = value; break; }`;
    case "message":
      return `case ${tagOf(field)}: if (${member} !== undefined) bail(); ${member} = ${readOne(plan, field)}; break;`;
    case "enum":
    case "scalar":
      return `case ${tagOf(field)}: ${member} = ${readOne(plan, field)}; break;`;
  }
}

function readPacked(field: DescField & { fieldKind: "list" }, member: string): string {
  const element = elementOf(field);
  if (element?.wireType !== varint) return "";
  return `case ${tagOf(field, delimited)}: { const stop = r.stop(end);
    while (r.at < stop) ${member}.push(r.${element.method}());
    if (r.at !== stop) bail(); break; }`;
}

function readOne(plan: Plan, field: DescField): string {
  const element = elementOf(field);
  if (!element) return `read${plan.get(field.message!)!.id}(r, r.stop(end))`;
  return `r.${element.method}(${element.wireType === delimited ? "end" : ""})`;
}

function elementOf(field: DescField): Element | undefined {
  if (field.message) return undefined;
  return field.enum ? enumElement : elements[field.scalar!];
}

function tagOf(field: DescField, wireType = elementOf(field)?.wireType ?? delimited): number {
  return ((field.number << 3) | wireType) >>> 0;
}
