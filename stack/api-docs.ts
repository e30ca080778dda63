// docs/api.md from the protos' comments and rules, so that the reference can't say something else than the contract.

import { createFileRegistry, fromBinary, getOption, hasOption, toJson, type JsonValue } from "@bufbuild/protobuf";
import type {
  DescEnum,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescOneof,
  DescService,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { field as fieldRules, FieldRulesSchema, oneof as oneofRules } from "#gen/buf/validate/validate";

type Chapter = { title: string; packages: string[]; intro: string };

const chapters: Chapter[] = [
  {
    title: "The public API",
    packages: ["boxoffice.edge.v1"],
    intro:
      "Spoken by the gateway: the Connect protocol with JSON or binary bodies over HTTP/1.1 and HTTP/2, at " +
      "`POST /<package>.<Service>/<Method>`. Methods without side effects also answer `GET`, " +
      "with the message in the query: `?encoding=json&message=%7B%7D`. `POST /webhooks/{provider}`, where payment providers " +
      "send what happened, is no method: see gateway/README.md.",
  },
  {
    title: "Between the services",
    packages: ["boxoffice.inventory.v1", "boxoffice.reservation.v1", "boxoffice.payment.v1"],
    intro: "Spoken inside the mesh: gRPC. Typed clients are in the package `@boxoffice/stubs` (proto/README.md).",
  },
  { title: "What they share", packages: ["boxoffice.common.v1"], intro: "Messages that several of the above use." },
];

/** Returns the reference as Markdown, from a serialised google.protobuf.FileDescriptorSet with source info. */
export function renderApiDocs(descriptorSet: Uint8Array): string {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const filesOf = (packages: string[]) =>
    packages.map((name) => [...registry.files].filter((file) => file.proto.package === name).toSorted(byName));

  const lines = [
    "# API reference",
    "",
    "Written by `make docs` from the comments and rules in `proto/`; change those instead.",
    "",
  ];
  for (const { title, packages } of chapters) {
    lines.push(`- ${title}`);
    for (const service of filesOf(packages)
      .flat()
      .flatMap((file) => file.services)) {
      const methods = service.methods.map((method) => link(method.name, `${service.typeName}.${method.name}`));
      lines.push(`  - ${link(service.name, service.typeName)}: ${methods.join(", ")}`);
    }
  }
  for (const { title, packages, intro } of chapters) {
    lines.push("", `# ${title}`, "", intro);
    for (const files of filesOf(packages).filter(({ length }) => length > 0)) lines.push(...renderPackage(files));
  }
  return `${lines.join("\n")}\n`;
}

function renderPackage(files: DescFile[]): string[] {
  const comments = new Map(files.map((file) => [file, createComments(file)]));
  const each = <T>(list: (file: DescFile) => T[], render: (desc: T, comments: Comments) => string[]) =>
    files.flatMap((file) => list(file).flatMap((desc) => render(desc, comments.get(file)!)));
  return [
    "",
    `## \`${files[0]!.proto.package}\``,
    ...each((file) => [...file.services].toSorted(byName), renderService),
    ...each((file) => file.messages, renderMessage),
    ...each((file) => file.enums, renderEnum),
  ];
}

function renderService(service: DescService, comments: Comments): string[] {
  return [
    ...heading("###", service.name, service.typeName),
    comments.of(service),
    ...service.methods.flatMap((method) => [
      ...heading("####", method.name, `${service.typeName}.${method.name}`),
      comments.of(method),
      "",
      `${link(method.input.name, method.input.typeName)} → ${link(method.output.name, method.output.typeName)}. ` +
        repetition(method),
    ]),
  ];
}

function repetition(method: DescMethod): string {
  switch (method.idempotency) {
    case MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS:
      return "Changes nothing.";
    case MethodOptions_IdempotencyLevel.IDEMPOTENT:
      return "May be repeated.";
    default:
      return "Not idempotent.";
  }
}

function renderMessage(message: DescMessage, comments: Comments): string[] {
  const rows = message.members.flatMap((member) =>
    member.kind === "oneof" ? [oneofRow(member, comments), ...member.fields.map(row)] : [row(member)],
  );
  function row(field: DescField): string {
    return tableRow(
      `\`${field.name}\``,
      typeOf(field),
      comments.of(field),
      rulesOf(field)
        .map((rule) => `\`${rule}\``)
        .join(" "),
    );
  }
  const table = ["", tableRow("field", "type", "meaning", "rules"), "|---|---|---|---|", ...rows];
  return [...heading("###", message.name, message.typeName), comments.of(message), ...(rows.length > 0 ? table : [])];
}

function oneofRow(oneof: DescOneof, comments: Comments): string {
  const required = hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;
  return tableRow(`\`${oneof.name}\``, "one of the next", comments.of(oneof), required ? "`required`" : "");
}

function renderEnum(desc: DescEnum, comments: Comments): string[] {
  const rows = desc.values.map((value) => tableRow(`\`${value.name}\``, String(value.number), comments.of(value)));
  return [
    ...heading("###", desc.name, desc.typeName),
    comments.of(desc),
    "",
    tableRow("value", "number", "meaning"),
    "|---|---|---|",
    ...rows,
  ];
}

function typeOf(field: DescField): string {
  const named = (desc: DescMessage | DescEnum) =>
    desc.typeName.startsWith("boxoffice.") ? link(desc.name, desc.typeName) : `\`${desc.typeName}\``;
  const scalar = () => `\`${field.proto.type === undefined ? "" : scalarNames[field.proto.type]}\``;
  switch (field.fieldKind) {
    case "map":
      return "map of `string` to `string`";
    case "list":
      return `list of ${field.message ? named(field.message) : field.enum ? named(field.enum) : scalar()}`;
    case "message":
      return named(field.message);
    case "enum":
      return named(field.enum);
    case "scalar":
      return scalar();
  }
}

// google.protobuf.FieldDescriptorProto.Type by number.
const scalarNames: Record<number, string> = {
  ...{ 1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool" },
  ...{ 9: "string", 12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64" },
};

function rulesOf(field: DescField): string[] {
  if (!hasOption(field, fieldRules)) return [];
  return flatten(toJson(FieldRulesSchema, getOption(field, fieldRules)) as Record<string, JsonValue>);
}

// `{string: {maxLen: 200}}` reads `maxLen 200`; the type's name says nothing that the table doesn't.
function flatten(rules: Record<string, JsonValue>): string[] {
  return Object.entries(rules).flatMap(([name, value]) => {
    if (name === "ignore") return value === "IGNORE_ALWAYS" ? ["checked item by item"] : ["may be left out"];
    if (name === "items") return flatten(value as Record<string, JsonValue>).map((rule) => `each ${rule}`);
    if (value === true) return [name];
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return flatten(value);
    return [`${name} ${Array.isArray(value) ? value.join(", ") : value}`];
  });
}

type Comments = {
  of(desc: DescService | DescMethod | DescMessage | DescEnum | DescField | DescOneof | EnumValue): string;
};
type EnumValue = DescEnum["values"][number];

// Paths as in google/protobuf/descriptor.proto, SourceCodeInfo.Location: field numbers and indexes from the file down.
function createComments(file: DescFile): Comments {
  const byPath = new Map(
    file.proto.sourceCodeInfo?.location.map(({ path, leadingComments }) => [path.join("."), leadingComments]),
  );
  const pathOf = (desc: Parameters<Comments["of"]>[0]): number[] => {
    switch (desc.kind) {
      case "service":
        return [6, file.services.indexOf(desc)];
      case "rpc":
        return [...pathOf(desc.parent), 2, desc.parent.methods.indexOf(desc)];
      case "message":
        return [4, file.messages.indexOf(desc)];
      case "field":
        return [...pathOf(desc.parent), 2, desc.parent.fields.indexOf(desc)];
      case "oneof":
        return [...pathOf(desc.parent), 8, desc.parent.oneofs.indexOf(desc)];
      case "enum":
        return [5, file.enums.indexOf(desc)];
      case "enum_value":
        return [...pathOf(desc.parent), 2, desc.parent.values.indexOf(desc)];
    }
  };
  return { of: (desc) => (byPath.get(pathOf(desc).join(".")) ?? "").trim().replace(/\s*\n\s*/g, " ") };
}

function heading(level: string, name: string, anchor: string): string[] {
  return ["", `<a id="${anchor}"></a>`, "", `${level} ${name}`, ""];
}

function link(name: string, anchor: string): string {
  return `[${name}](#${anchor})`;
}

function tableRow(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
