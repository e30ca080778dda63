// The lean way: a unary call in the Connect protocol (JSON or binary, uncompressed, POST over HTTP/1.1), answered without
// Connect's router, whose per-call AbortControllers, Headers and async iterables cost several times what the call does.
// Whatever else a request is (GET, HTTP/2, gRPC, gRPC-Web, compressed) is the router's. Both call the same method.
// Source: https://connectrpc.com/docs/protocol#unary-rpcs-request

import { IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import { gzip } from "node:zlib";
import type { DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { parseTimeout } from "@connectrpc/connect/protocol-connect";
import { codecOf } from "#stubs";
import { edgeErrorFromThrown } from "../rpc/errors.ts";
import type { EdgeCall, Invoke } from "../rpc/pipeline.ts";
import { acceptsGzip, compressMinBytes } from "./compression.ts";
import { replyOfError, sendReply } from "./prepared-errors.ts";
import type { HttpRequest } from "./read-body.ts";
import type { HttpResponse } from "./replies.ts";

/** How a request's and its answer's messages are written. */
type Codec = "json" | "proto";

/** A request that the lean way can answer, as the pipeline sees it too. */
export class LeanCall implements EdgeCall {
  readonly codec: Codec;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  address = "";
  timeoutMs: number | undefined;
  private gone: AbortController | undefined;

  constructor(codec: Codec, request: IncomingMessage, response: ServerResponse) {
    this.codec = codec;
    this.request = request;
    this.response = response;
  }

  get authorization(): string | undefined {
    return this.request.headers.authorization;
  }

  readonly isGone = (): boolean => this.response.destroyed;

  get signal(): AbortSignal {
    if (!this.gone) {
      const made = (this.gone = new AbortController());
      const abort = () => made.abort(new ConnectError("the client is gone", Code.Canceled));
      if (this.isGone()) abort();
      else this.response.once("close", abort);
    }
    return this.gone.signal;
  }
}

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
  return codec && new LeanCall(codec, request, response as ServerResponse);
}

/** What was made of a call's body. */
export type LeanDecoded<M extends DescMethodUnary> =
  { kind: "decoded"; message: MessageShape<M["input"]> } | { kind: "undecodable"; error: ConnectError };

/** Makes the message of a call whose body has arrived, and reads its time-out. */
export function decodeLean<M extends DescMethodUnary>(method: M, call: LeanCall, body: Uint8Array): LeanDecoded<M> {
  try {
    call.timeoutMs = timeoutOf(call.request);
    return { kind: "decoded", message: decode(method.input, call.codec, body) as MessageShape<M["input"]> };
  } catch (error) {
    return { kind: "undecodable", error: ConnectError.from(error, Code.InvalidArgument) };
  }
}

/** Calls the method and sends its answer; never rejects. */
export async function answerLean<M extends DescMethodUnary>(
  { method, invoke }: { method: M; invoke: Invoke<M> },
  call: LeanCall,
  message: MessageShape<M["input"]>,
): Promise<void> {
  try {
    const answer = await invoke(message, call);
    const output = codecOf(method.output);
    if (call.codec === "json") reply(call, "application/json", output.toJsonString(answer));
    else reply(call, "application/proto", output.toBinary(answer));
  } catch (error) {
    replyLeanError(call, edgeErrorFromThrown(error));
  }
}

/** Sends an error as Connect writes it, with its details and metadata. */
export function replyLeanError({ response }: LeanCall, error: ConnectError): void {
  sendReply(response, replyOfError(error));
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
    if (codec === "proto") return codecOf(schema).fromBinary(body);
    return codecOf(schema).fromJsonString(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch (error) {
    const why = codec === "json" && error instanceof Error ? `: ${error.message}` : "";
    throw new ConnectError(`the request can't be decoded${why}`, Code.InvalidArgument);
  }
}

function reply({ request, response }: LeanCall, contentType: string, body: string | Uint8Array): void {
  const bytes = Buffer.byteLength(body);
  if (bytes < compressMinBytes || !acceptsGzip(request.headers["accept-encoding"])) {
    return send(response, { "content-type": contentType, "content-length": bytes }, body);
  }
  gzip(body, (error, zipped) => {
    if (error) return send(response, { "content-type": contentType, "content-length": bytes }, body);
    send(
      response,
      { "content-type": contentType, "content-encoding": "gzip", "content-length": zipped.length },
      zipped,
    );
  });
}

function send(response: ServerResponse, headers: OutgoingHttpHeaders, body: string | Uint8Array): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(200, headers);
  response.end(body);
}
