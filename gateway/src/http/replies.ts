// Answers that no method gives, in the words of whoever asks: Connect's JSON, so that its clients show the message, or
// gRPC's headers. Sources: https://connectrpc.com/docs/protocol#error-end-stream and
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses (Trailers-Only)

import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { edgeServices } from "../policy.ts";
import { retryAfterSeconds } from "../rpc/errors.ts";
import { isGrpc } from "./is-grpc.ts";
import type { HttpRequest } from "./read-body.ts";

/** A response of either HTTP version. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** An error, with the HTTP status that goes with it in Connect. */
export type ErrorReply = { status: number; code: Code; message: string; retryAfterMs?: number };

// Not a call at all: gRPC's clients make a code of the status.
const bareStatuses = new Set([404, 405, 415]);

/** Sends an error. */
export function replyError(request: HttpRequest, response: HttpResponse, reply: ErrorReply): void {
  const { status, code, message, retryAfterMs } = reply;
  const headers = retryAfterMs === undefined ? {} : { "retry-after": retryAfterSeconds(retryAfterMs) };
  if (!isGrpc(request)) return sendJson(response, status, headers, { code: codeToString(code), message });
  if (bareStatuses.has(status)) return sendHeaders(response, status, headers);
  sendHeaders(response, 200, {
    ...headers,
    "content-type": request.headers["content-type"]!,
    "grpc-status": String(code),
    "grpc-message": encodeURIComponent(message),
  });
}

/** Answers what is not a method's path: `/` says what this is, everything else what is here. */
export function replyToUnknownPath(request: HttpRequest, response: HttpResponse, path: string): void {
  const services = edgeServices.map(({ typeName }) => typeName);
  if (path === "/") {
    const health = "/live and /ready on the admin port";
    const api = "POST /<service>/<method>";
    return sendJson(response, 200, {}, { name: "Boxoffice", api, services, docs: "docs/api.md", health });
  }
  replyError(request, response, {
    status: 404,
    code: Code.Unimplemented,
    message: `nothing is here: POST a JSON message to /<service>/<method> of ${services.join(", ")}`,
  });
}

function sendJson(response: HttpResponse, status: number, headers: Record<string, string>, body: object): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  const length = Buffer.byteLength(text);
  response.writeHead(status, { ...headers, "content-type": "application/json", "content-length": length });
  response.end(text);
}

// writeHead leaves HTTP/2 no way to end with the headers, and gRPC's clients take no error otherwise that has no trailers.
function sendHeaders(response: HttpResponse, status: number, headers: Record<string, string>): void {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end();
}
