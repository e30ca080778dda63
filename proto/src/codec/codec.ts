// Codecs compiled from descriptors when a process starts, as Ajv and protobufjs do it. The library's own walk a descriptor
// for every message; in a rush that was a third of every service's processor time. They take the same values and give the
// same ones: whatever a compiled function was not made for (unknown fields, merges, wrong types, malformed input) it leaves
// to the library from the start, errors included.

import {
  create,
  createRegistry,
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { binaryReader, binaryWriter } from "./binary.ts";
import { assertPlain, int64FromJson, jsonReader, jsonWriter, stringJson, timestampJson } from "./json.ts";
import { planOf, type Plan } from "./plan.ts";
import { bail, Reader, Writer } from "./wire.ts";

/** Writes and reads one type of message. */
export type Codec<D extends DescMessage> = {
  /** Takes a message, or what `create` would make one of. */
  toBinary(message: MessageInitShape<D>): Buffer;
  /** Throws what the library's `fromBinary` throws. */
  fromBinary(bytes: Uint8Array): MessageShape<D>;
  /** Writes zeros and empty lists out, for clients that read JSON without the schema. */
  toJsonString(message: MessageInitShape<D>): string;
  /** Refuses unknown fields. Throws what the library's `fromJsonString` throws. */
  fromJsonString(text: string): MessageShape<D>;
};

type Compiled = {
  write(writer: Writer, message: unknown): void;
  read(reader: Reader, end: number): unknown;
  toJson(message: unknown): string;
  fromJson(value: unknown, seen: { keys: number }): unknown;
};

const codecs = new WeakMap<DescMessage, Codec<DescMessage>>();
const writer = new Writer();

/** Returns the codec of a type of message, the same one at every call. */
export function codecOf<D extends DescMessage>(desc: D): Codec<D> {
  let codec = codecs.get(desc);
  if (!codec) codecs.set(desc, (codec = createCodec(desc)));
  return codec as unknown as Codec<D>;
}

function createCodec<D extends DescMessage>(desc: D): Codec<D> {
  const library = libraryCodec(desc);
  const compiled = compile(desc);
  if (!compiled) return library;
  const { write, read, toJson, fromJson } = compiled;
  return {
    toBinary(message) {
      try {
        writer.reset();
        write(writer, message);
        return writer.finish();
      } catch {
        return library.toBinary(message);
      }
    },
    fromBinary(bytes) {
      try {
        return read(new Reader(bytes), bytes.length) as MessageShape<D>;
      } catch {
        return library.fromBinary(bytes);
      }
    },
    toJsonString(message) {
      try {
        return toJson(message);
      } catch {
        return library.toJsonString(message);
      }
    },
    fromJsonString(text) {
      try {
        const seen = { keys: 0 };
        const message = fromJson(JSON.parse(text), seen);
        assertPlain(text, seen);
        return message as MessageShape<D>;
      } catch {
        return library.fromJsonString(text);
      }
    },
  };
}

function libraryCodec<D extends DescMessage>(desc: D): Codec<D> {
  // A google.protobuf.Any may hold whatever its own file defines.
  const registry = createRegistry(desc.file);
  return {
    toBinary(message) {
      const bytes = toBinary(desc, create(desc, message));
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    fromBinary: (bytes) => fromBinary(desc, bytes),
    toJsonString: (message) => toJsonString(desc, create(desc, message), { registry, alwaysEmitImplicit: true }),
    fromJsonString: (text) => fromJsonString(desc, text, { registry, ignoreUnknownFields: false }),
  };
}

function compile(desc: DescMessage): Compiled | undefined {
  const plan = planOf(desc);
  if (!plan) return undefined;
  const runtime = { bail, int64FromJson, stringJson, timestampJson };
  try {
    const made = new Function(...Object.keys(runtime), sourceOf(plan)) as (...values: unknown[]) => Compiled;
    return made(...Object.values(runtime));
  } catch (error) {
    // Node was told not to make code of strings.
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

// The planned messages are in one scope, so that the functions of a message call those of its parts directly.
function sourceOf(plan: Plan): string {
  const functions = [...plan.values()].flatMap((message) => [
    binaryWriter(plan, message),
    binaryReader(plan, message),
    jsonWriter(plan, message),
    jsonReader(plan, message),
  ]);
  return `"use strict"; ${functions.join("\n")} return { write: write0, read: read0, toJson: toJson0, fromJson: fromJson0 };`;
}
