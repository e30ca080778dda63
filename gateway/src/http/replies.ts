// Answers that no method gives. Their bodies look like Connect's errors, so that its clients show the message.
// Source: https://connectrpc.com/docs/protocol#error-end-stream

import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { edgeServices } from "../policy.ts";
import { retryAfterSeconds } from "../rpc/errors.ts";

/** A response of either HTTP version. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** An error as Connect writes it. */
export type ErrorReply = { status: number; code: string; message: string; retryAfterMs?: number };

/** Sends an error. */
export function replyError(response: HttpResponse, { status, code, message, retryAfterMs }: ErrorReply): void {
  const headers = retryAfterMs === undefined ? {} : { "retry-after": retryAfterSeconds(retryAfterMs) };
  replyJson(response, status, { code, message }, headers);
}

/** Answers what is not a method's path: `/` says what this is, everything else what is here. */
export function replyToUnknownPath(path: string, response: HttpResponse): void {
  const services = edgeServices.map(({ typeName }) => typeName);
  if (path === "/") {
    const health = "/live and /ready on the admin port";
    return replyJson(response, 200, {
      name: "Boxoffice",
      api: "POST /<service>/<method>",
      services,
      docs: "docs/api.md",
      health,
    });
  }
  replyJson(response, 404, {
    code: "unimplemented",
    message: "nothing is here: POST a JSON message to /<service>/<method>",
    services,
  });
}

function replyJson(response: HttpResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  const length = Buffer.byteLength(text);
  response.writeHead(status, { ...headers, "content-type": "application/json", "content-length": length });
  response.end(text);
}
