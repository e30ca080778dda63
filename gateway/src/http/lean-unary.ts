// The lean way: a unary call in the Connect protocol (JSON or binary, uncompressed, POST over HTTP/1.1), answered without
// Connect's router, whose per-call AbortControllers, Headers and async iterables cost several times what the call does.
// Whatever else a request asks for (GET, HTTP/2, gRPC, gRPC-Web, compression) is the router's. Both call the same method.
// Source: https://connectrpc.com/docs/protocol#unary-rpcs-request

import { IncomingMessage, type ServerResponse } from "node:http";
import {
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
  type DescMethodUnary,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJsonBytes, parseTimeout } from "@connectrpc/connect/protocol-connect";
import { edgeErrorFromThrown } from "../rpc/errors.ts";
import type { Invoke } from "../rpc/pipeline.ts";
import { jsonReadOptions, jsonWriteOptions } from "./json-options.ts";
import type { HttpRequest } from "./read-body.ts";
import type { HttpResponse } from "./replies.ts";

/** How a request's and its answer's messages are written. */
type Codec = "json" | "proto";

/** A request that the lean way can answer. */
export type LeanCall = { codec: Codec; request: IncomingMessage; response: ServerResponse };

const codecOfContentType = new Map<string, Codec>([
  ["application/json", "json"],
  ["application/json; charset=utf-8", "json"],
  ["application/json;charset=utf-8", "json"],
  ["application/proto", "proto"],
]);

/** Returns the call that a request makes, or undefined where the router has to answer it. */
export function leanCallOf(request: HttpRequest, response: HttpResponse): LeanCall | undefined {
  if (!(request instanceof IncomingMessage) || request.method !== "POST") return undefined;
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") return undefined;
  const codec = codecOfContentType.get(request.headers["content-type"]?.toLowerCase() ?? "");
  return codec && { codec, request, response: response as ServerResponse };
}

/** What was made of a call's body. */
export type LeanDecoded<M extends DescMethodUnary> =
  | { kind: "decoded"; message: MessageShape<M["input"]>; timeoutMs: number | undefined }
  | { kind: "undecodable"; error: ConnectError };

/** Makes the message of a call whose body has arrived. */
export function decodeLean<M extends DescMethodUnary>(method: M, call: LeanCall, body: Uint8Array): LeanDecoded<M> {
  try {
    const timeoutMs = timeoutOf(call.request);
    return { kind: "decoded", message: decode(method.input, call.codec, body) as MessageShape<M["input"]>, timeoutMs };
  } catch (error) {
    return { kind: "undecodable", error: ConnectError.from(error, Code.InvalidArgument) };
  }
}

/** Calls the method and sends its answer; never rejects. */
export async function answerLean<M extends DescMethodUnary>(options: {
  method: M;
  invoke: Invoke<M>;
  call: LeanCall;
  message: MessageShape<M["input"]>;
  timeoutMs: number | undefined;
  address: string;
}): Promise<void> {
  const { method, invoke, call, message, timeoutMs, address } = options;
  const { codec, request, response } = call;
  try {
    const presence = presenceOf(response);
    const answer = await invoke(message, {
      address,
      authorization: request.headers.authorization,
      timeoutMs,
      isGone: presence.isGone,
      get signal() {
        return presence.signal;
      },
    });
    if (codec === "json")
      reply(response, 200, "application/json", toJsonString(method.output, answer, jsonWriteOptions));
    else reply(response, 200, "application/proto", toBinary(method.output, answer));
  } catch (error) {
    replyLeanError(call, edgeErrorFromThrown(error));
  }
}

/** Sends an error as Connect writes it, with its details and metadata. */
export function replyLeanError({ response }: LeanCall, error: ConnectError): void {
  error.metadata.forEach((value, name) => response.setHeader(name, value));
  reply(response, codeToHttpStatus(error.code), "application/json", errorToJsonBytes(error, jsonWriteOptions));
}

function timeoutOf({ headers }: IncomingMessage): number | undefined {
  const timeout = headers["connect-timeout-ms"];
  if (timeout === undefined) return undefined;
  const parsed = parseTimeout(String(timeout), Number.MAX_SAFE_INTEGER);
  if (parsed.error) throw parsed.error;
  return parsed.timeoutMs;
}

function decode(schema: DescMethodUnary["input"], codec: Codec, body: Uint8Array) {
  try {
    if (codec === "proto") return fromBinary(schema, body);
    return fromJsonString(
      schema,
      Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString(),
      jsonReadOptions,
    );
  } catch (error) {
    const why = codec === "json" && error instanceof Error ? `: ${error.message}` : "";
    throw new ConnectError(`the request can't be decoded${why}`, Code.InvalidArgument);
  }
}

// The signal is made on first use: the hottest method only asks whether the client is gone.
function presenceOf(response: ServerResponse): { isGone: () => boolean; readonly signal: AbortSignal } {
  let controller: AbortController | undefined;
  const isGone = () => response.destroyed;
  return {
    isGone,
    get signal() {
      if (!controller) {
        const made = (controller = new AbortController());
        const abort = () => made.abort(new ConnectError("the client is gone", Code.Canceled));
        if (isGone()) abort();
        else response.once("close", abort);
      }
      return controller.signal;
    },
  };
}

function reply(response: ServerResponse, status: number, contentType: string, body: string | Uint8Array): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
